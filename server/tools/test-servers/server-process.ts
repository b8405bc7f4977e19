import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, globSync, openSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { EndSignal, Scratch } from './scratch.ts';

const START_LIMIT = 60_000;
const PROBE_PAUSE = 30;
const LOG_LINES = 15;
const PORT_ATTEMPTS = 3;

/** A server's URL, or why it is missing. */
export type Launch = (
  scratch: Scratch,
  options: { durable: boolean },
) => Promise<{ url: string } | { missing: string }>;

/** The full path of the first of `names` on PATH or in `folders` (glob patterns, the last match wins), or null. */
export function findBinary(names: string[], folders: string[]): string | null {
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((dir) => dir !== '');
  const byVersion = (a: string, b: string) => b.localeCompare(a, 'en', { numeric: true });
  const searched = [...onPath, ...folders.flatMap((pattern) => globSync(pattern).sort(byVersion))];
  const paths = names.flatMap((name) => searched.map((dir) => join(dir, name)));
  return paths.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile()) ?? null;
}

/** The start of a command line that runs as `user`: servers refuse to run as root. Empty when we are not root. */
export function asUser(user: string): string[] {
  if (process.getuid?.() !== 0) return [];
  return ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
}

/** Runs a command to its end; throws with its output if it fails. */
export async function run(command: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<string> {
  const [file = '', ...args] = command;
  try {
    return (await promisify(execFile)(file, args, { ...options, maxBuffer: 64 * 1024 * 1024 })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${file} failed: ${error instanceof Error ? error.message : error}\n${stdout}${stderr}`, {
      cause: error,
    });
  }
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

const lastLines = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n');

/** Starts a guarded server process; what it prints goes to `log`, but its standard output when `pipe` is set. */
export function startProcess(
  scratch: Scratch,
  {
    command,
    log,
    end,
    cwd,
    env,
  }: { command: string[]; log: string; end: EndSignal; cwd: string; env?: NodeJS.ProcessEnv },
): ChildProcess {
  const [file = '', ...args] = command;
  const output = openSync(log, 'a');
  // A group of its own: Ctrl-C must not take the servers away from tests that are still finishing.
  const child = spawn(file, args, { cwd, env: env ?? process.env, detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  child.on('error', () => {});
  scratch.guard(child, end);
  child.unref();
  return child;
}

/** Resolves with the first answer of `probe`; throws with the end of the log when the server ends first or takes a minute. */
export async function untilReady<T>(child: ChildProcess, log: string, probe: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + START_LIMIT;
  let failure: unknown;
  while (Date.now() < deadline && child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    try {
      return await probe();
    } catch (error) {
      failure = error;
      await sleep(PROBE_PAUSE);
    }
  }
  throw new Error(`${child.spawnfile} did not start; the end of its log:\n${lastLines(log)}`, { cause: failure });
}

/** Tries `start` on up to three free ports: another process may take a port between the choice and its use. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
