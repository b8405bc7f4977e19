import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ObjectStorage } from '../src/platform/objects/objects.ts';
import { type Bucket, launchRadosgw } from '../tools/test-servers/radosgw.ts';
import { createScratch } from '../tools/test-servers/scratch.ts';
import { openTestApp, type TestApp } from './app.ts';
import { createClient } from './client.ts';
import { freshSqlite, type Scene } from './scenario.ts';

/** A place for files that a test can open servers on. */
export interface TestStorage {
  name: string;
  /** Null: a folder. */
  s3: Bucket | null;
}

/** An S3-compatible storage for the tests of one file, or why there is none; what was started ends with the process. */
export async function startRadosgw() {
  const scratch = createScratch();
  const launched = await launchRadosgw(scratch);
  return { ...launched, end: () => scratch.end() };
}

/** The variables that name a bucket. */
export function s3Env({ endpoint, region, bucket, accessKey, secretKey }: Bucket): Record<string, string> {
  const keys = { S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey };
  return { S3_ENDPOINT: endpoint, S3_REGION: region, S3_BUCKET: bucket, ...keys };
}

export interface FileScene extends Scene {
  objects: ObjectStorage;
  /** Sends a request to a signed URL, over the network. */
  go(url: string, init?: RequestInit): Promise<Response>;
  /** Where that is, for programs. */
  addressOf(url: string): string;
}

/** A server on this storage that listens. Its clock begins now: a storage of its own looks at the time, too. */
export async function withFileScene(
  { s3 }: TestStorage,
  run: (s: FileScene) => Promise<void>,
  env: Record<string, string> = {},
  freshUrl = freshSqlite,
): Promise<void> {
  const { url, drop } = await freshUrl();
  const time: TestApp['time'] = {
    now: new Date(),
    forward(milliseconds) {
      this.now = new Date(this.now.getTime() + milliseconds);
    },
  };
  const t = await openTestApp({ databaseUrl: url, time, env: { ...(s3 && s3Env(s3)), ...env } });
  try {
    await t.app.http.listen({ port: 0, host: '127.0.0.1' });
    const { port } = t.app.http.server.address() as AddressInfo;
    const addressOf = (signed: string) => signed.replace(/^http:\/\/localhost:8000/, `http://127.0.0.1:${port}`);
    const go = (signed: string, init?: RequestInit) => fetch(addressOf(signed), init);
    await run({ ...t, client: createClient(t), databaseUrl: url, objects: t.app.objects, go, addressOf });
  } finally {
    await t.close();
    await drop();
  }
}

/** What `fetch` takes as a body. */
export type SentBody = NonNullable<RequestInit['body']>;

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Runs the program `curl`; its standard output as bytes. */
export async function curl(...args: string[]): Promise<Buffer> {
  const options = { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 } as const;
  return (await promisify(execFile)('curl', ['--silent', '--show-error', '--max-time', '60', ...args], options)).stdout;
}

/** Runs `s3cmd`, a client of S3 that others wrote, on a bucket. */
export async function s3cmd({ endpoint, accessKey, secretKey }: Bucket, ...args: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ostiary-s3cmd-'));
  try {
    const { host } = new URL(endpoint);
    const settings = {
      access_key: accessKey,
      secret_key: secretKey,
      host_base: host,
      host_bucket: host,
      use_https: 'False',
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    const config = join(folder, 'config');
    await writeFile(config, ['[default]', ...lines, ''].join('\n'));
    return (await promisify(execFile)('s3cmd', ['--config', config, ...args], { maxBuffer: 64 * 1024 * 1024 })).stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
