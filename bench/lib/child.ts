import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Reply } from './calls.ts';
import { type Cores, pinned } from './cores.ts';

const END_LIMIT = 5000;

export interface Child {
  pid: number;
  /** Calls one of the functions that the child handed to `answerCalls`. Throws what it threw, or that the child has ended. */
  call<T>(name: string, input?: unknown): Promise<T>;
  stop(): Promise<void>;
}

const running = new Set<Child>();

/** Starts `script` (relative to `bench/`) in a Node of its own. Its standard output goes nowhere, its errors to ours. */
export function startChild(
  script: string,
  options: { cores: Cores; env?: Record<string, string>; cwd?: string; nodeArgs?: string[] },
): Child {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const args = [...(options.nodeArgs ?? []), '--disable-warning=ExperimentalWarning', path];
  const [file = '', ...rest] = pinned(options.cores, [process.execPath, ...args]);
  const { PATH = '', TMPDIR, LD_LIBRARY_PATH } = process.env;
  const child = spawn(file, rest, {
    cwd: options.cwd,
    env: { PATH, ...(TMPDIR && { TMPDIR }), ...(LD_LIBRARY_PATH && { LD_LIBRARY_PATH }), ...options.env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  let gone: Error | null = null;

  function end(why: string): void {
    gone = new Error(`${script} ${why}`);
    for (const { reject } of waiting.values()) reject(gone);
    waiting.clear();
    running.delete(handle);
  }
  child.on('error', (error) => end(`cannot run: ${error.message}`));
  child.on('exit', (code, signal) => end(`ended (${signal ?? code})`));
  child.on('message', (message) => {
    const { id, result, error } = message as Reply;
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(`${script}: ${error}`));
  });

  const handle: Child = {
    pid: child.pid ?? -1,
    call<T>(name: string, input: unknown = null) {
      const call = Promise.withResolvers<unknown>();
      if (gone) call.reject(gone);
      else {
        const id = calls++;
        waiting.set(id, call);
        child.send({ id, name, input });
      }
      return call.promise as Promise<T>;
    },
    async stop() {
      if (gone) return;
      const ended = once(child, 'exit');
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), END_LIMIT);
      await ended;
      clearTimeout(timer);
    },
  };
  running.add(handle);
  return handle;
}

/** Ends every child that still runs, for a run that failed. */
export async function stopChildren(): Promise<void> {
  await Promise.all([...running].map((child) => child.stop()));
}
