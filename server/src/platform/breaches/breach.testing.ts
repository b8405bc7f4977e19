import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase();

/** `count` hashes in order, the same at every call. */
export const hashes = (count: number) => Array.from({ length: count }, (_, index) => sha1(`password ${index}`)).sort();

/** Lines as the downloader writes them, with counts of several lengths. */
export const lines = (keys: string[], end = '\n') => keys.map((key, i) => `${key}:${1 + (i % 7) ** 8}${end}`).join('');

/** A directory for one test. */
export function breachDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ostiary-breaches-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
