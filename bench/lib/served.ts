import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Context } from './context.ts';
import type { BenchDatabase } from './databases.ts';
import { ostiaryEnv } from './ostiary.ts';

export interface Served {
  url: string;
  stop(): Promise<void>;
}

const BIN = fileURLToPath(new URL('../../server/bin/ostiary.js', import.meta.url));
const LISTENING = /listening on (http:\/\/[^\s"]+:\d+)/;
const START_LIMIT = 60_000;
const END_LIMIT = 15_000;
const PAUSE = 50;

/** Starts the product by its own command, in as many processes as it is configured to; its log goes to a file. Throws where it does not listen in a minute. */
export async function serve(
  context: Context,
  options: { database: BenchDatabase; env: Record<string, string> },
): Promise<Served> {
  const dataDir = context.folder('data');
  const logFile = join(dataDir, 'log');
  const log = openSync(logFile, 'a');
  const { PATH = '', LD_LIBRARY_PATH } = process.env;
  const env = { PATH, ...(LD_LIBRARY_PATH && { LD_LIBRARY_PATH }), ...ostiaryEnv(dataDir, options) };
  const child = spawn(process.execPath, [BIN, 'serve'], { cwd: dataDir, env, stdio: ['ignore', log, log] });
  closeSync(log);
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'exit').finally(() => process.removeListener('exit', kill));
  const until = performance.now() + START_LIMIT;
  for (;;) {
    const text = readFileSync(logFile, 'utf8');
    const url = LISTENING.exec(text)?.[1];
    if (url !== undefined) return { url, stop };
    if (child.exitCode !== null || performance.now() > until) {
      kill();
      throw new Error(`ostiary serve does not listen:\n${text.slice(-2000)}`);
    }
    await sleep(PAUSE);
  }

  async function stop(): Promise<void> {
    child.kill('SIGTERM');
    const timer = setTimeout(kill, END_LIMIT);
    await ended;
    clearTimeout(timer);
  }
}
