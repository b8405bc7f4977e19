// A gibibyte through an upload in parts, on a server that is a process of its own: its memory must not grow with the file. And what a full disk
// and a killed server make of uploads.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after as afterAll, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ServerProcess, serverEnv, setupLink, withServers } from './kill/server-process.ts';
import { canMount, withSmallDisk } from './small-disk.ts';
import { type SentBody, s3Env, startRadosgw } from './storages.ts';
import { until } from './until.ts';

const MIB = 1024 ** 2;
const SIZE = 1024 * MIB;
/** Bytes that the memory of the server may grow by on the way in. */
const MOST_GROWTH = 20 * MIB;
/** The same on the way out of a folder: what V8 lets lie of read buffers before it collects them. */
const MOST_GARBAGE = 64 * MIB;
/** Parts that are on their way at a time. */
const AT_ONCE = 3;
const PASSWORD = 'walks the dog at seven';

interface Parts {
  file: { id: string };
  partSize: number;
  parts: { number: number; size: number; url: string }[];
}

const radosgw = await startRadosgw();
afterAll(() => radosgw.end());

const procOf = (server: ServerProcess, file: string, pattern: RegExp): number =>
  Number(pattern.exec(readFileSync(`/proc/${server.pid}/${file}`, 'utf8'))?.[1]);
/** Bytes of memory, and bytes that the process has read and written in its life, files and connections alike. */
const memoryOf = (server: ServerProcess) => procOf(server, 'status', /^VmRSS:\s+(\d+)/m) * 1024;
const movedBy = (server: ServerProcess) =>
  procOf(server, 'io', /^rchar: (\d+)/m) + procOf(server, 'io', /^wchar: (\d+)/m);

/** The largest memory of the server while something is done. */
async function peakWhile(server: ServerProcess, work: () => Promise<void>): Promise<number> {
  let peak = memoryOf(server);
  const timer = setInterval(() => {
    peak = Math.max(peak, memoryOf(server));
  }, 20);
  try {
    await work();
    return peak;
  } finally {
    clearInterval(timer);
  }
}

/** A part that no other part is like. */
function contentOf(base: Buffer, number: number, size: number): Buffer {
  const content = Buffer.from(base.subarray(0, size));
  content.writeUInt32BE(number);
  return content;
}

function clientOf(server: ServerProcess, token: string) {
  const own = `http://127.0.0.1:${server.port}`;
  const go = (url: string, init: RequestInit = {}) => fetch(url.replace(/^http:\/\/localhost:8000/, own), init);
  async function send<T>(method: string, path: string, body?: object): Promise<T> {
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) };
    const json = body === undefined ? null : JSON.stringify(body);
    const answer = await go(`${own}/api/v1${path}`, {
      method,
      headers: { ...headers, accept: 'application/json' },
      body: json,
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? null : JSON.parse(text)) as T;
  }
  return { go, send };
}

async function superadminOf(server: ServerProcess): Promise<string> {
  const link = (await setupLink(server, 20_000)) ?? assert.fail('there is a setup link');
  const { send } = clientOf(server, '');
  const token = link.split('#token=')[1];
  await send('POST', '/setup', { token, email: 'a@example.com', password: PASSWORD });
  const body = { login: 'a@example.com', password: PASSWORD, tokenTransport: 'body' };
  return (await send<{ accessToken: string }>('POST', '/auth/login', body)).accessToken;
}

/** Sends a file of this size in parts, completes it, and gives its id and hash. */
async function upload({ go, send }: ReturnType<typeof clientOf>, base: Buffer, size: number) {
  const hash = createHash('sha256');
  const begin = (sha256: string) =>
    send<Parts>('POST', '/files/multipart', { filename: 'big', contentType: 'video/x-big', size, sha256 });
  // The hash is known before anything is sent, as it is to whoever has the file.
  const partSize = 8 * MIB;
  for (let at = 0, number = 1; at < size; at += partSize, number++) {
    hash.update(contentOf(base, number, Math.min(partSize, size - at)));
  }
  const sha256 = hash.digest('hex');
  const begun = await begin(sha256);
  assert.equal(begun.partSize, partSize);
  const waiting = begun.parts.toReversed();
  const sender = async () => {
    for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
      const body = contentOf(base, part.number, part.size) as SentBody;
      const answer = await go(part.url, { method: 'PUT', body });
      assert.equal(answer.status, 200, await answer.text());
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  const done = await send<{ sha256: string; status: string }>('POST', `/files/${begun.file.id}/complete`);
  assert.deepEqual([done.status, done.sha256], ['ready', sha256]);
  return { id: begun.file.id, sha256 };
}

async function downloadedHash({ go, send }: ReturnType<typeof clientOf>, id: string): Promise<string> {
  const { url } = await send<{ url: string }>('GET', `/files/${id}/download`);
  const hash = createHash('sha256');
  const { body } = await go(url);
  for await (const chunk of body ?? []) hash.update(chunk);
  return hash.digest('hex');
}

describe('a gibibyte in parts', () => {
  for (const kind of ['folder', 'bucket'] as const) {
    const skip = kind === 'bucket' && 'missing' in radosgw ? radosgw.missing : false;
    test(`goes into a ${kind} and out of it again with constant memory`, { skip, timeout: 600_000 }, (t) =>
      withServers(async (dir, start) => {
        const bucket = kind === 'bucket' && 's3' in radosgw ? s3Env(radosgw.s3) : {};
        const env = serverEnv(dir, `sqlite:${dir}/db`, {
          ACCESS_TOKEN_TTL: '1h',
          NODE_OPTIONS: '--max-semi-space-size=4',
          ...bucket,
        });
        const server = await start({ env, dir });
        const client = clientOf(server, await superadminOf(server));
        const base = randomBytes(8 * MIB);
        const idle = memoryOf(server);
        // A file of a quarter: what the garbage of any stream takes, whatever its length, is in this.
        let small = { id: '', sha256: '' };
        const before = await peakWhile(server, async () => {
          small = await upload(client, base, SIZE / 4);
          assert.equal(await downloadedHash(client, small.id), small.sha256);
        });
        await client.send('DELETE', `/files/${small.id}`);

        let big = { id: '', sha256: '' };
        const began = performance.now();
        const peak = await peakWhile(server, async () => {
          big = await upload(client, base, SIZE);
        });
        const seconds = (performance.now() - began) / 1000;
        const moved = movedBy(server);
        const peakOut = await peakWhile(server, async () => {
          assert.equal(await downloadedHash(client, big.id), big.sha256);
        });
        const through = movedBy(server) - moved;
        const megabytes = (bytes: number) => (bytes / MIB).toFixed(1);
        t.diagnostic(
          `memory ${megabytes(idle)} MB idle, at most ${megabytes(before)} for a quarter, ${megabytes(peak)} in and ${megabytes(peakOut)} out; ${seconds.toFixed(1)} s in; ${megabytes(through)} MB through the server on the way out`,
        );
        assert.ok(peak - before <= MOST_GROWTH, `grew by ${megabytes(peak - before)} MB on the way in`);
        assert.ok(peakOut - before <= MOST_GARBAGE, `grew by ${megabytes(peakOut - before)} MB on the way out`);
        if (kind === 'bucket') assert.ok(through < MIB, 'a download does not go through the server');
      }),
    );
  }
});

const disk = { skip: canMount() ? false : 'only root may mount a small disk', timeout: 120_000 };

test('a full disk takes no file, keeps nothing of it, and takes it once there is room again', disk, () =>
  withSmallDisk(16, async (small) =>
    withServers(async (dir, start) => {
      const server = await start({ env: serverEnv(small.dir, `sqlite:${dir}/db`), dir });
      const client = clientOf(server, await superadminOf(server));
      const content = randomBytes(4 * MIB);
      const announced = { filename: 'a', contentType: 'application/x-thing', size: content.length };
      const { file, upload } = await client.send<Created>('POST', '/files', announced);
      const put = async () =>
        (await client.go(upload.url, { method: 'PUT', headers: upload.headers, body: content as SentBody })).status;
      small.fill();
      for (let tries = 0; tries < 3; tries++) assert.equal(await put(), 503);
      assert.deepEqual(filesBelow(join(small.dir, 'objects')), []);
      small.free();
      assert.equal(await put(), 200);
      const done = await client.send<{ status: string }>('POST', `/files/${file.id}/complete`);
      assert.equal(done.status, 'ready');
    }),
  ),
);

test('a server that is killed while files arrive has no half of one, and everything that it has answered for', () =>
  withServers(async (dir, start) => {
    const env = serverEnv(dir, `sqlite:${dir}/db`, { ACCESS_TOKEN_TTL: '1h' });
    let server = await start({ env, dir });
    const token = await superadminOf(server);
    const whole = new Map<string, string>();
    for (let round = 0; round < 6; round++) {
      const client = clientOf(server, token);
      const sent = Array.from({ length: 6 }, async () => {
        const content = randomBytes(2 * MIB);
        const sha256 = createHash('sha256').update(content).digest('hex');
        const announced = { filename: 'a', contentType: 'application/x-thing', size: content.length, sha256 };
        const { file, upload } = await client.send<Created>('POST', '/files', announced);
        const init = { method: 'PUT', headers: upload.headers, body: content as SentBody };
        assert.equal((await client.go(upload.url, init)).status, 200);
        await client.send('POST', `/files/${file.id}/complete`);
        whole.set(file.id, sha256);
      });
      const outcomes = Promise.allSettled(sent);
      await sleep(20 + round * 15);
      await server.end('SIGKILL');
      await outcomes;
      server = await start({ env, dir });
    }
    const client = clientOf(server, token);
    const { items } = await client.send<{ items: { id: string; status: string; sha256: string }[] }>(
      'GET',
      '/files?pageSize=100',
    );
    for (const { id, status, sha256 } of items) {
      if (whole.has(id)) assert.equal(status, 'ready', 'it was answered for');
      if (status === 'ready') assert.equal(await downloadedHash(client, id), sha256);
      else {
        // Nobody knows how far it came: it can be completed if it did, and deleted in any case.
        await client.send('DELETE', `/files/${id}`);
      }
    }
    for (const { id } of items.filter(({ status }) => status === 'ready')) await client.send('DELETE', `/files/${id}`);
    const left = () => filesBelow(join(dir, 'objects')).filter((path) => !path.includes('.unfinished'));
    await until('everything is removed', () => left().length === 0);
  }));

interface Created {
  file: { id: string };
  upload: { url: string; headers: Record<string, string> };
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
