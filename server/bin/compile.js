import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

// Runs after the installation: starts the server once, on loopback and in an empty folder, so that it leaves its code without types and
// compiled where `ostiary.js` finds it. It only saves time: without it, or where it fails, the first start does the same.

/** Milliseconds; a start that takes longer is given up. */
const LIMIT = 60_000;
const PROGRAM = fileURLToPath(new URL('ostiary.js', import.meta.url));

let folder;
try {
  folder = await mkdtemp(join(tmpdir(), 'ostiary-compile-'));
  // Nothing of the installer's environment: it may name a database.
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const settings = { HOST: '127.0.0.1', PORT: '0', DATA_DIR: folder, LOG_FORMAT: 'json' };
  const child = spawn(process.execPath, [PROGRAM, 'serve'], {
    cwd: folder,
    env: { PATH, ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }), ...settings },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: LIMIT,
    killSignal: 'SIGKILL',
  });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    // Compiled code is written at the end of the process; a second signal would kill it before.
    if (line.includes('listening on')) child.kill('SIGTERM');
  }
  await ended;
} catch (error) {
  // An installation must not fail for it.
  console.warn(`The server's code was not compiled: ${error.message}`);
} finally {
  if (folder) await rm(folder, { recursive: true, force: true });
}
