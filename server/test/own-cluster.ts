import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findRedis, redisVersion } from '../tools/test-servers/redis.ts';
import { createScratch } from '../tools/test-servers/scratch.ts';
import { onFreePort, startProcess, untilReady } from '../tools/test-servers/server-process.ts';
import { until } from './until.ts';

/** A cluster of three masters, with a password, that one test has for itself. */
export interface OwnCluster {
  url: string;
  /** Kills one of the masters, with which a third of all keys is gone: the cluster serves nobody until it is back. */
  killOne(): Promise<void>;
  /** Starts it again, empty, where it was; resolves when the cluster is whole. */
  restart(): Promise<void>;
  /** One node takes connections, and answers nothing. */
  freezeOne(): void;
  /** It answers again; resolves when the cluster is whole. */
  thaw(): Promise<void>;
  /** How many keys each node holds. */
  sizes(): Promise<number[]>;
}

interface Node {
  port: number;
  busPort: number;
  child: ChildProcess;
}

const NODES = 3;
const SLOTS = 16_384;
/** Milliseconds of silence after which a node counts as gone. */
const NODE_TIMEOUT = 1000;

/** Runs a test with a cluster; it is gone afterwards, whatever comes in between. */
export async function withOwnCluster(run: (redis: OwnCluster) => Promise<void>): Promise<void> {
  const program = findRedis();
  if (program === null) throw new Error('There is no redis-server; `npm run test:install` gets one.');
  const scratch = createScratch();
  const password = randomBytes(18).toString('base64url');

  async function launch(port: number, busPort: number): Promise<Node> {
    const home = join(scratch.dir, `node-${port}`);
    const log = join(home, 'log');
    mkdirSync(home, { mode: 0o700, recursive: true });
    const access = ['--bind', '127.0.0.1', '--requirepass', password, '--masterauth', password];
    const inMemory = ['--dir', home, '--save', '', '--appendonly', 'no'];
    const cluster = ['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`];
    const timeout = ['--cluster-node-timeout', `${NODE_TIMEOUT}`];
    const command = [program ?? '', '--port', `${port}`, ...access, ...inMemory, ...cluster, ...timeout];
    const child = startProcess(scratch, { command, log, end: 'TERM', cwd: home });
    await untilReady(child, log, () => redisVersion(`redis://:${password}@127.0.0.1:${port}`));
    return { port, busPort, child };
  }

  async function ask<T>({ port }: { port: number }, question: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis({ host: '127.0.0.1', port, password });
    try {
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  }

  const isWhole = (node: Node) =>
    ask(node, async (redis) => {
      const info = String(await redis.cluster('INFO'));
      return /cluster_state:ok/.test(info) && info.includes(`cluster_known_nodes:${NODES}`);
    });

  const nodes: Node[] = [];
  try {
    for (let i = 0; i < NODES; i++) nodes.push(await onFreePort((port) => onFreePort((bus) => launch(port, bus))));
    const untilWhole = async () => {
      for (const node of nodes) await until('the cluster is whole', () => isWhole(node));
    };
    const firstSlot = (index: number) => Math.floor((index * SLOTS) / NODES);
    for (const [i, node] of nodes.entries()) {
      await ask(node, async (redis) => {
        await redis.call('CLUSTER', 'ADDSLOTSRANGE', firstSlot(i), firstSlot(i + 1) - 1);
        await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
      });
    }
    const [first, ...others] = nodes;
    for (const { port, busPort } of others) {
      if (first) await ask(first, (redis) => redis.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort));
    }
    await untilWhole();
    const victim = nodes.length - 1;
    await run({
      url: `redis+cluster://:${password}@${nodes.map(({ port }) => `127.0.0.1:${port}`).join()}`,
      async killOne() {
        const child = nodes[victim]?.child;
        if (!child) throw new Error('There is no node.');
        child.ref();
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      },
      async restart() {
        const { port = 0, busPort = 0 } = nodes[victim] ?? {};
        nodes[victim] = await launch(port, busPort);
        await untilWhole();
      },
      freezeOne: () => void nodes[victim]?.child.kill('SIGSTOP'),
      async thaw() {
        nodes[victim]?.child.kill('SIGCONT');
        await untilWhole();
      },
      sizes: () => Promise.all(nodes.map((node) => ask(node, (redis) => redis.dbsize()))),
    });
  } finally {
    for (const { child } of nodes) child.kill('SIGCONT');
    await scratch.end();
  }
}
