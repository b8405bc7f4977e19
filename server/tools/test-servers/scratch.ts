import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, statfsSync, statSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The signal that ends a server: PostgreSQL frees its shared memory on SIGQUIT, the others can be killed. */
export type EndSignal = 'QUIT' | 'TERM' | 'KILL';

export interface Scratch {
  /** A new folder that every user may enter; it is removed with this process, however that ends. */
  dir: string;
  /** Ensures that `child` ends with this process, also after SIGKILL. */
  guard(child: ChildProcess, signal: EndSignal): void;
  /** Ends the guarded processes, removes the folder; resolves when nothing is left. May be called twice. */
  end(): Promise<void>;
}

/**
 * The watchdog: reads `SIGNAL pid` and `gone pid` lines. Its standard input closes when the parent ends for whatever
 * reason, SIGKILL included; then it ends what is still listed, waits up to five seconds, and removes the folder.
 */
const WATCHDOG = `
trap '' HUP INT TERM
servers=''
while read -r word pid; do
  if [ "$word" = gone ]; then
    rest=''
    for server in $servers; do [ "\${server#*:}" = "$pid" ] || rest="$rest $server"; done
    servers=$rest
  else
    servers="$servers $word:$pid"
  fi
done
for server in $servers; do kill -s "\${server%%:*}" "\${server#*:}" 2>/dev/null; done
tries=0
while [ $tries -lt 100 ]; do
  alive=''
  for server in $servers; do kill -s 0 "\${server#*:}" 2>/dev/null && alive="$alive \${server#*:}"; done
  [ -z "$alive" ] && break
  tries=$((tries + 1))
  sleep 0.05
done
for pid in $alive; do kill -s KILL "$pid" 2>/dev/null; done
tries=0
until rm -rf -- "$1" 2>/dev/null || [ $tries -ge 20 ]; do tries=$((tries + 1)); sleep 0.1; done
`;

const OTHERS_MAY_ENTER = 0o001;

/** The first temporary folder that a server's own user can reach: with root's TMPDIR under /root it could not. */
function reachableTemporaryFolder(): string {
  const candidates = [tmpdir(), '/tmp', '/var/tmp'];
  const reachable = (dir: string): boolean => {
    const mode = statSync(dir, { throwIfNoEntry: false })?.mode ?? 0;
    return (mode & OTHERS_MAY_ENTER) !== 0 && (dirname(dir) === dir || reachable(dirname(dir)));
  };
  return candidates.find(reachable) ?? tmpdir();
}

/** Linux's file system in memory. Containers have little of it by default. */
const MEMORY_FOLDER = '/dev/shm';
/** Bytes, several times the need of a whole run; its content takes memory of the machine. */
const MEMORY_NEEDED = 4 * 1024 ** 3;

/**
 * A folder in memory for the temporary files of a test run; null if there is none with four free gigabytes, or if TMPDIR
 * is set. Otherwise a run would mostly wait for databases that wait for the disk.
 */
export function memoryFolder(env: NodeJS.ProcessEnv = process.env): string | null {
  if (env.TMPDIR || process.platform !== 'linux') return null;
  if (statSync(MEMORY_FOLDER, { throwIfNoEntry: false }) === undefined) return null;
  const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
  return Math.min(bavail * bsize, freemem()) >= MEMORY_NEEDED ? MEMORY_FOLDER : null;
}

/**
 * Makes a folder, in `parent` or where temporary files go, and the watchdog that ends its servers with this process; throws where
 * neither can be made.
 */
export function createScratch(parent = reachableTemporaryFolder()): Scratch {
  const dir = mkdtempSync(join(parent, 'ostiary-test-'));
  chmodSync(dir, 0o755);
  // A session of its own, so that Ctrl-C in the terminal ends the tests, and not the process that cleans up after them.
  const watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'watchdog', dir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = once(watchdog, 'exit');
  watchdog.stdin.on('error', () => {});
  watchdog.unref();

  return {
    dir,
    guard(child, signal) {
      if (child.pid === undefined) return;
      watchdog.stdin.write(`${signal} ${child.pid}\n`);
      child.once('exit', () => {
        if (!watchdog.stdin.writableEnded) watchdog.stdin.write(`gone ${child.pid}\n`);
      });
    },
    async end() {
      watchdog.ref();
      watchdog.stdin.end();
      await ended;
    },
  };
}
