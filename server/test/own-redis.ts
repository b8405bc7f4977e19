import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisConnections } from '../src/platform/redis/connect.ts';
import { findRedis, redisVersion } from '../tools/test-servers/redis.ts';
import { createScratch } from '../tools/test-servers/scratch.ts';
import { onFreePort, startProcess, untilReady } from '../tools/test-servers/server-process.ts';

/** A Redis that one test has for itself, and may take away. */
export interface OwnRedis {
  url: string;
  /** Ends it; whatever it held is gone. */
  stop(): Promise<void>;
  /** Starts it again, empty, where it was. */
  start(): Promise<void>;
  /** It takes connections, and answers nothing. */
  freeze(): void;
  thaw(): void;
  flush(): Promise<void>;
  /** Breaks the connections of those who listen, and no others. */
  cutListeners(): Promise<void>;
  /** How many are connected, whoever asks this among them. */
  clients(): Promise<number>;
  /** Every key with what it holds, as one text. */
  everything(): Promise<string>;
  /** Keys that never run out. */
  lasting(): Promise<string[]>;
}

/** Milliseconds for a connection, on a machine that is busy with other tests. */
const READY_LIMIT = 20_000;

/** Whether the program that it needs is on this machine. */
export const hasOwnRedis = (): boolean => findRedis() !== null;

/** Waits until counters would ask Redis, and not count for themselves. */
export async function whenReady({ hasty }: RedisConnections): Promise<void> {
  for (const end = performance.now() + READY_LIMIT; hasty.status !== 'ready'; await pause(10)) {
    if (performance.now() > end) throw new Error('Redis does not come.');
  }
}

/** Runs a test with a Redis of its own; it is gone afterwards, whatever comes in between. */
export async function withOwnRedis(run: (redis: OwnRedis) => Promise<void>): Promise<void> {
  const program = findRedis();
  if (program === null) throw new Error('There is no redis-server; `npm run test:install` gets one.');
  const scratch = createScratch();
  const home = join(scratch.dir, 'own-redis');
  mkdirSync(home, { mode: 0o700 });
  const password = randomBytes(18).toString('base64url');
  const log = join(home, 'log');
  const access = ['--bind', '127.0.0.1', '--requirepass', password];
  const inMemory = ['--dir', home, '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
  const urlOf = (port: number) => `redis://:${password}@127.0.0.1:${port}`;

  async function launch(port: number) {
    const command = [program ?? '', '--port', String(port), ...access, ...inMemory];
    const child = startProcess(scratch, { command, log, end: 'TERM', cwd: home });
    await untilReady(child, log, () => redisVersion(urlOf(port)));
    return { child, port };
  }

  let { child, port } = await onFreePort(launch);
  const url = urlOf(port);

  async function ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(url);
    try {
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  }

  try {
    await run({
      url,
      async stop() {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      },
      async start() {
        ({ child, port } = await launch(port));
      },
      freeze: () => void child.kill('SIGSTOP'),
      thaw: () => void child.kill('SIGCONT'),
      flush: () => ask(async (redis) => void (await redis.flushall())),
      cutListeners: () => ask(async (redis) => void (await redis.client('KILL', 'TYPE', 'PUBSUB'))),
      clients: () =>
        ask(
          async (redis) =>
            String(await redis.client('LIST'))
              .trim()
              .split('\n').length,
        ),
      lasting: () =>
        ask(async (redis) => {
          const keys = await redis.keys('*');
          const left = await Promise.all(keys.map((key) => redis.ttl(key)));
          return keys.filter((_, i) => left[i] === -1);
        }),
      everything: () =>
        ask(async (redis) => {
          const keys = await redis.keys('*');
          const texts = await Promise.all(keys.map((key) => contentOf(redis, key)));
          return texts.join('\n');
        }),
    });
  } finally {
    child.kill('SIGCONT');
    await scratch.end();
  }
}

/** How each kind of key is read whole. */
const READ: Record<string, (key: string) => [string, ...string[]]> = {
  string: (key) => ['GET', key],
  hash: (key) => ['HGETALL', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  zset: (key) => ['ZRANGE', key, '0', '-1'],
  set: (key) => ['SMEMBERS', key],
  stream: (key) => ['XRANGE', key, '-', '+'],
};

async function contentOf(redis: Redis, key: string): Promise<string> {
  const type = await redis.type(key);
  // Ran out between the two questions.
  if (type === 'none') return '';
  const read = READ[type];
  if (!read) throw new Error(`Nobody said how to read ${type}.`);
  const [command, ...args] = read(key);
  return JSON.stringify([key, await redis.call(command, ...args)]);
}
