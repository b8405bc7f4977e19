import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * Where the files of one run leave what another can use again; null where a file runs by itself, or a server is not the run's own. The folder
 * goes with the servers.
 */
const SHELF = process.env.TEST_SHELF || null;

/** Takes something of this kind that another process has left; null if there is nothing. Nobody else gets it. */
export function takeFromShelf<T>(kind: string): T | null {
  if (SHELF === null) return null;
  const folder = join(SHELF, kind);
  if (!existsSync(folder)) return null;
  for (const name of readdirSync(folder)) {
    const taken = join(SHELF, `${kind}-${process.pid}-${name}`);
    try {
      renameSync(join(folder, name), taken);
    } catch {
      // Another process was first.
      continue;
    }
    const left = JSON.parse(readFileSync(taken, 'utf8')) as T;
    rmSync(taken);
    return left;
  }
  return null;
}

/** Leaves something for other processes; false if there is no shelf. `name`: its own, as a file can have. */
export function leaveOnShelf(kind: string, name: string, left: object): boolean {
  if (SHELF === null) return false;
  mkdirSync(join(SHELF, kind), { recursive: true });
  const written = join(SHELF, `${kind}-${process.pid}-${name}.new`);
  writeFileSync(written, JSON.stringify(left));
  renameSync(written, join(SHELF, kind, name));
  return true;
}

/** Copies the file `path` to the shelf, or, if it is there already, nothing; whoever is last wins, with the same content. */
export function shelveFile(name: string, path: string): void {
  if (SHELF === null) return;
  mkdirSync(SHELF, { recursive: true });
  const written = join(SHELF, `${name}-${process.pid}.new`);
  copyFileSync(path, written);
  renameSync(written, join(SHELF, name));
}

/** The path of a file on the shelf, or null. */
export function shelvedFile(name: string): string | null {
  const path = SHELF && join(SHELF, name);
  return path !== null && existsSync(path) ? path : null;
}
