import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerProcess } from './server-process.ts';

/** The workers of a server with `LOG_FORMAT=json` that have begun to listen, in that order, also those that are gone. */
export function workersOf(server: ServerProcess): number[] {
  return logLines(server).flatMap(({ msg, pid }) => (msg.startsWith('listening on') ? [pid] : []));
}

/** What a server with `LOG_FORMAT=json` has logged. */
export function logLines(server: Pick<ServerProcess, 'stdout'>): { msg: string; pid: number }[] {
  return server
    .stdout()
    .split('\n')
    .flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []));
}

/** How many lines a server has logged whose message is of that kind. */
export const logged = (server: ServerProcess, kind: RegExp) =>
  logLines(server).filter(({ msg }) => kind.test(msg)).length;

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Waits until it is so. Throws after `patience` milliseconds. */
export async function until(isSo: () => boolean | Promise<boolean>, patience = 60_000): Promise<void> {
  for (const end = performance.now() + patience; !(await isSo()); await sleep(10)) {
    if (performance.now() > end) throw new Error(`It was never so: ${isSo}`);
  }
}
