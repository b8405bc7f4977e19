import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Folders {
  /** A new folder; the name is only for people. */
  make(name: string): string;
  removeAll(): void;
}

/** Folders of this run, under one that is removed at its end. */
export function createFolders(): Folders {
  const root = mkdtempSync(join(tmpdir(), 'ostiary-bench-'));
  let count = 0;
  return {
    make(name) {
      const path = join(root, `${name}-${count++}`);
      mkdirSync(path, { mode: 0o700 });
      return path;
    },
    removeAll: () => rmSync(root, { recursive: true, force: true }),
  };
}
