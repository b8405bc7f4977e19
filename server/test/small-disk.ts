import { chmodSync, closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run as runCommand } from '../tools/test-servers/server-process.ts';

/** A file system of its own, in memory, that has no room left when the test says so. */
export interface SmallDisk {
  dir: string;
  /** Takes all room that is left. Again, where something was given back. */
  fill(): void;
  /** Gives it back. */
  free(): void;
}

const STEPS = [1024 * 1024, 64 * 1024, 4096];

/** Whether this process may mount file systems. */
export const canMount = (): boolean => process.platform === 'linux' && process.getuid?.() === 0;

/** Mounts a disk of so many megabytes, and takes it away afterwards, whatever came in between. Root only. */
export async function withSmallDisk(megabytes: number, run: (disk: SmallDisk) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'ostiary-disk-'));
  chmodSync(dir, 0o755);
  await runCommand(['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', dir]);
  const filler = join(dir, 'filler');
  try {
    await run({
      dir,
      fill() {
        const file = openSync(filler, 'a');
        for (const step of STEPS) takeAll(file, Buffer.alloc(step));
        closeSync(file);
      },
      free: () => rmSync(filler, { force: true }),
    });
  } finally {
    // Lazily: a server that was just ended may still hold files.
    await runCommand(['umount', '--lazy', dir]);
    rmdirSync(dir);
  }
}

function takeAll(file: number, bytes: Buffer): void {
  try {
    while (writeSync(file, bytes) === bytes.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
