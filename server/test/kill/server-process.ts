import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { warningsEnv } from '../../tools/test-warnings.ts';

/** What a process has said and how it ended. */
export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface ServerProcess {
  port: number;
  pid: number;
  /** What it has said until now. */
  stdout(): string;
  /** Sends a signal and waits for the end. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<Outcome>;
  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void;
}

export interface ProcessOptions {
  env: Record<string, string>;
  /** Working directory: no `.env` lies there. */
  dir: string;
  /** The command; that of this repository by default. */
  bin?: string;
  /** For standard input, which is empty otherwise. */
  input?: string;
}

const BIN = join(import.meta.dirname, '../../bin/ostiary.js');
/** Milliseconds for a start or a command on a machine that is busy with other tests. */
const LIMIT = 60_000;
const LISTENING = /listening on http:\/\/[^\s"]+:(\d+)/;
const SETUP = /^Setup: (\S+)$/m;

/** Settings for a server of its own: a free port, the cheapest hashing, no limits, the data in `dir`. */
export function serverEnv(dir: string, databaseUrl: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    ENVIRONMENT: 'test',
    HOST: '127.0.0.1',
    PORT: '0',
    DATA_DIR: dir,
    DATABASE_URL: databaseUrl,
    PUBLIC_URL: 'http://localhost:8000',
    SECRET_KEY: 'the secret key of the tests, 0123456789',
    ARGON2_MEMORY: '8mb',
    ARGON2_PASSES: '1',
    RATE_LIMITS: 'off',
    DOCS: 'off',
    LOG_FORMAT: 'json',
    ...more,
  };
}

export type StartServer = (options: ProcessOptions) => Promise<ServerProcess>;

/** A folder that is gone afterwards, and servers that have ended then, whatever came in between. */
export async function withServers(run: (dir: string, start: StartServer) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'ostiary-process-'));
  const started: ServerProcess[] = [];
  try {
    await run(dir, async (options) => {
      const server = await startServer(options);
      started.push(server);
      return server;
    });
  } finally {
    await Promise.all(started.map((server) => server.end('SIGKILL')));
    await rm(dir, { recursive: true, force: true });
  }
}

/** Runs `ostiary …args` to its end. Nothing of this process's own environment gets through but the path. */
export async function ostiary(args: string[], options: ProcessOptions): Promise<Outcome> {
  const { child, outcome } = launch(args, options);
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT);
  const ended = await outcome;
  clearTimeout(timer);
  return ended;
}

/** Starts `ostiary serve` and waits until it listens. Throws where it ends before that. */
async function startServer(options: ProcessOptions): Promise<ServerProcess> {
  const { child, outcome, said } = launch(['serve'], options);
  const listening = Promise.withResolvers<number>();
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    listening.reject(new Error('The server does not come up.'));
  }, LIMIT);
  child.stdout?.on('data', () => {
    const port = LISTENING.exec(said().stdout)?.[1];
    if (port !== undefined) listening.resolve(Number(port));
  });
  outcome.then(({ stdout, stderr }) => listening.reject(new Error(`The server ended at once:\n${stdout}${stderr}`)));
  try {
    const port = await listening.promise;
    return {
      port,
      pid: child.pid ?? -1,
      signal: (signal) => void child.kill(signal),
      stdout: () => said().stdout,
      end(signal) {
        child.kill(signal);
        return outcome;
      },
    };
  } finally {
    clearTimeout(timer);
  }
}

/** The setup link that a server has printed; waits for it, since it comes after the server listens. Null where none comes. */
export async function setupLink(server: ServerProcess, patience: number): Promise<string | null> {
  for (const end = performance.now() + patience; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const link = SETUP.exec(server.stdout())?.[1];
    if (link !== undefined) return link;
    if (performance.now() > end) return null;
  }
}

/** Starts `ostiary …args`; `outcome` comes once it and whatever it started have let go of their outputs. */
export function launch(args: string[], { env, dir, bin = BIN, input = '' }: ProcessOptions) {
  const path = [dirname(process.execPath), process.env.PATH].join(':');
  const child: ChildProcess = spawn(process.execPath, [bin, ...args], {
    cwd: dir,
    env: { PATH: path, ...warningsEnv(), ...env },
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  // No test that fails may leave a server behind.
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const outcome = once(child, 'close').then(([code, signal]): Outcome => {
    process.removeListener('exit', kill);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, ...texts };
  });
  return { child, outcome, said: () => texts };
}
