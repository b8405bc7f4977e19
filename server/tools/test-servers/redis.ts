import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Launch } from './server-process.ts';
import { findBinary, onFreePort, startProcess, untilReady } from './server-process.ts';

const CONNECT_LIMIT = 5000;

/** The program that a private Redis needs, or null. */
export const findRedis = (): string | null =>
  findBinary(['redis-server'], ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin']);

/** The version of the server behind `url`; throws when it does not answer within five seconds. */
export async function redisVersion(url: string): Promise<string> {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: CONNECT_LIMIT, retryStrategy: null });
  redis.on('error', () => {});
  try {
    await redis.connect();
    const [, version] = /redis_version:(\S+)/.exec(await redis.info('server')) ?? [];
    return `Redis ${version ?? '(version unknown)'}`;
  } finally {
    redis.disconnect();
  }
}

/** Starts a Redis of its own on 127.0.0.1, in memory; `durable` makes it append every command to a file first. */
export const launchRedis: Launch = async (scratch, { durable }) => {
  const server = findRedis();
  if (server === null) return { missing: 'no redis-server was found' };
  const home = join(scratch.dir, 'redis');
  mkdirSync(home, { mode: 0o700 });
  const password = randomBytes(18).toString('base64url');
  const options = ['--bind', '127.0.0.1', '--requirepass', password, '--dir', home, '--save', ''];
  const persistence = durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const log = join(home, 'log');
  return onFreePort(async (port) => {
    const command = [server, '--port', `${port}`, ...options, ...persistence, '--maxmemory-policy', 'noeviction'];
    const child = startProcess(scratch, { command, log, end: 'TERM', cwd: home });
    const url = `redis://:${password}@127.0.0.1:${port}`;
    await untilReady(child, log, () => redisVersion(url));
    return { url };
  });
};
