import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Measure } from '../lib/context.ts';
import type { Figure } from '../lib/figure.ts';
import { NODE_FLAGS } from '../lib/ostiary.ts';
import { residentMemory } from '../lib/process-usage.ts';
import { median } from '../lib/statistics.ts';

const PROGRAM = fileURLToPath(new URL('../../server/bin/ostiary.js', import.meta.url));
const COMPILE = fileURLToPath(new URL('../../server/bin/compile.js', import.meta.url));
const STARTS = 5;
const QUICK_STARTS = 2;
/** Milliseconds after which a server that nobody asks counts as idle. */
const IDLE_AFTER = 5000;
const PROBE_PAUSE = 2;
const START_LIMIT = 30_000;

const FIRST = { at: 'most', value: 600 } as const;
const LATER = { at: 'most', value: 350 } as const;
const MADE = 'database made and migrated';

export const start: Measure = {
  name: 'start',
  summary: 'from the command to the first connection, in an empty folder and in a used one; memory when idle',
  async *run(context) {
    const starts = context.plan.quick ? QUICK_STARTS : STARTS;
    const bare: number[] = [];
    const first: number[] = [];
    const empty: number[] = [];
    const again: number[] = [];
    let idle: number | null = null;
    for (let index = 0; index < starts; index++) {
      // As after "npm ci --ignore-scripts", or for another user than the one who installed it.
      bare.push((await startOnce(context.folder('start'), context.folder('empty-cache'))).took);
      const cache = context.folder('compile-cache');
      await compile(cache);
      const home = context.folder('start');
      first.push((await startOnce(home, cache)).took);
      empty.push((await startOnce(context.folder('start'), cache)).took);
      const waitIdle = index === starts - 1;
      const later = await startOnce(home, cache, waitIdle ? IDLE_AFTER : 0);
      again.push(later.took);
      idle = later.memory;
    }
    yield figure('first start after the installation, until it listens', first, MADE, FIRST);
    yield figure('every later start', again, 'its database is there', LATER);
    yield figure('later start in an empty folder', empty, MADE);
    yield figure('first start where the installation compiled nothing', bare, MADE);
    if (idle !== null) {
      const detail = `resident after ${IDLE_AFTER / 1000} s`;
      yield { name: 'memory when idle', value: idle / 1e6, unit: 'MB', aim: { at: 'most', value: 110 }, detail };
    }
  },
};

function figure(name: string, times: number[], what: string, aim?: Figure['aim']): Figure {
  const [fastest, slowest] = [Math.min(...times), Math.max(...times)].map((time) => Math.round(time));
  const detail = `median of ${times.length}, ${fastest} to ${slowest} ms; ${what}`;
  return { name, value: median(times), unit: 'ms', ...(aim && { aim }), detail };
}

/** What "npm ci" does at its end. */
async function compile(cache: string): Promise<void> {
  const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: cache };
  await promisify(execFile)(process.execPath, [COMPILE], { env });
}

/** Runs `ostiary serve` in this folder as a person would who has just cloned it, with nothing configured but a free port. */
async function startOnce(home: string, cache: string, idleFor = 0): Promise<{ took: number; memory: number | null }> {
  const port = await freePort();
  const env = { PATH: process.env.PATH, PORT: `${port}`, NODE_COMPILE_CACHE: cache };
  const started = performance.now();
  const child = spawn(process.execPath, [...NODE_FLAGS, PROGRAM, 'serve'], {
    cwd: home,
    env,
    stdio: 'ignore',
  });
  try {
    await untilListening(child, port);
    const took = performance.now() - started;
    await sleep(idleFor);
    return { took, memory: residentMemory(child.pid ?? -1) };
  } finally {
    const ended = once(child, 'exit');
    // The end by SIGTERM writes the compile cache.
    if (child.kill('SIGTERM')) await ended;
  }
}

async function untilListening(child: ChildProcess, port: number): Promise<void> {
  const deadline = performance.now() + START_LIMIT;
  while (performance.now() < deadline && child.exitCode === null) {
    if (await canConnect(port)) return;
    await sleep(PROBE_PAUSE);
  }
  throw new Error('ostiary serve did not start');
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system named no port');
  return address.port;
}
