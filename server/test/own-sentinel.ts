import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findRedis, redisVersion } from '../tools/test-servers/redis.ts';
import { createScratch } from '../tools/test-servers/scratch.ts';
import { onFreePort, startProcess, untilReady } from '../tools/test-servers/server-process.ts';
import { until } from './until.ts';

/** A master, a replica and three sentinels that one test has for itself; data and sentinels have passwords of their own. */
export interface OwnSentinel {
  url: string;
  /** Which of the two is the master now, as the sentinels have it. */
  master(): Promise<number>;
  /** Kills the master; resolves when it is gone. */
  killMaster(): Promise<void>;
  /** Starts what was killed where it was; resolves when it follows the new master, and could replace it. */
  restart(): Promise<void>;
}

const SENTINELS = 3;
const QUORUM = 2;
/** What the sentinels call the master. */
const NAME = 'main';
/** Milliseconds of silence after which a sentinel takes the master for dead, and that a failover may take. */
const DOWN_AFTER = 1000;
const FAILOVER_LIMIT = 5000;

/** Runs a test with a Redis that sentinels watch; all of it is gone afterwards, whatever comes in between. */
export async function withOwnSentinel(run: (redis: OwnSentinel) => Promise<void>): Promise<void> {
  const program = findRedis();
  if (program === null) throw new Error('There is no redis-server; `npm run test:install` gets one.');
  const scratch = createScratch();
  const password = randomBytes(18).toString('base64url');
  const sentinelPassword = randomBytes(18).toString('base64url');

  /** Starts a server with these lines of configuration: sentinels keep what they learn in that file. */
  async function launch(name: string, port: number, secret: string, lines: string[], kind: string[] = []) {
    const home = join(scratch.dir, name);
    const [config, log] = [join(home, 'redis.conf'), join(home, 'log')];
    mkdirSync(home, { mode: 0o700, recursive: true });
    const own = [`port ${port}`, 'bind 127.0.0.1', `dir ${home}`, `requirepass ${secret}`];
    writeFileSync(config, [...own, ...lines, ''].join('\n'), { mode: 0o600 });
    const child = startProcess(scratch, { command: [program ?? '', config, ...kind], log, end: 'TERM', cwd: home });
    await untilReady(child, log, () => redisVersion(`redis://:${secret}@127.0.0.1:${port}`));
    return { port, child };
  }

  const data = new Map<number, ChildProcess>();
  async function startData(port: number, masterPort: number | null): Promise<number> {
    const follow = masterPort === null ? [] : [`replicaof 127.0.0.1 ${masterPort}`];
    const lines = ['save ""', 'appendonly no', `masterauth ${password}`, 'repl-diskless-sync-delay 0', ...follow];
    data.set(port, (await launch(`data-${port}`, port, password, lines)).child);
    return port;
  }

  try {
    const first = await onFreePort((port) => startData(port, null));
    await onFreePort((port) => startData(port, first));
    const watch = [
      `sentinel monitor ${NAME} 127.0.0.1 ${first} ${QUORUM}`,
      `sentinel auth-pass ${NAME} ${password}`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER}`,
      `sentinel failover-timeout ${NAME} ${FAILOVER_LIMIT}`,
      `sentinel sentinel-pass ${sentinelPassword}`,
    ];
    const startSentinel = (index: number) =>
      onFreePort((port) => launch(`sentinel-${index}`, port, sentinelPassword, watch, ['--sentinel']));
    const sentinels = (await Promise.all(Array.from({ length: SENTINELS }, (_, i) => startSentinel(i)))).map(
      ({ port }) => port,
    );

    async function ask<T>(port: number, secret: string, question: (redis: Redis) => Promise<T>): Promise<T> {
      const redis = new Redis({ host: '127.0.0.1', port, password: secret });
      try {
        return await question(redis);
      } finally {
        redis.disconnect();
      }
    }
    /** What each sentinel says of the master. */
    const say = (...words: string[]) =>
      Promise.all(sentinels.map((port) => ask(port, sentinelPassword, (s) => s.call('SENTINEL', ...words, NAME))));
    const master = async () => Number(((await say('GET-MASTER-ADDR-BY-NAME'))[0] as string[])[1]);
    async function canFail(): Promise<boolean> {
      const quorums = await say('CKQUORUM').catch(() => []);
      if (!quorums.length || !quorums.every((said) => String(said).startsWith(`OK ${SENTINELS} `))) return false;
      const known = JSON.stringify(await say('REPLICAS'));
      if (known.split('"runid"').length !== SENTINELS + 1 || /[so]_down|disconnected/.test(known)) return false;
      return /state=online/.test(await ask(await master(), password, (redis) => redis.info('replication')));
    }
    await until('the replica could take over', canFail);

    const hosts = sentinels.map((port) => `127.0.0.1:${port}`).join();
    await run({
      url: `redis+sentinel://:${password}@${hosts}?master=${NAME}&sentinelPassword=${sentinelPassword}`,
      master,
      async killMaster() {
        const child = data.get(await master());
        if (!child) throw new Error('The sentinels name a master that nobody started.');
        child.ref();
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      },
      async restart() {
        const now = await master();
        for (const [port, child] of data) if (child.signalCode !== null) await startData(port, now);
        await until('the replica could take over', canFail);
      },
    });
  } finally {
    await scratch.end();
  }
}
