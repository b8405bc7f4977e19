import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { searchBreaches } from './breach-search.ts';

/** Hexadecimal digits of a SHA-1, and how many of them name a file in a directory of ranges. */
export const DIGITS = 40;
export const RANGE_DIGITS = 5;

/** The file name of a range, as the Pwned Passwords downloader writes it. */
export const rangeFile = (range: string): string => `${range}.txt`;

/**
 * Whether a list of breached passwords contains a SHA-1 (hexadecimal, in capitals). `path` is one sorted file of `HASH:count`, or a
 * directory of `00000.txt` to `FFFFF.txt` with the other 35 digits, as the Pwned Passwords downloader writes them. The list is opened at each
 * call, so that it can be replaced while the server runs. Throws `BadBreachFile`, or the system's error if it cannot be read.
 */
export async function isInBreachList(path: string, sha1: string): Promise<boolean> {
  if (!(await stat(path)).isDirectory()) return isInFile(path, sha1);
  return isInFile(join(path, rangeFile(sha1.slice(0, RANGE_DIGITS))), sha1.slice(RANGE_DIGITS));
}

async function isInFile(path: string, key: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const read = async (position: number, length: number) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
      // The file was truncated meanwhile: missing hashes would count as not breached.
      if (bytesRead < length) throw new Error('The list of breached passwords ended early.');
      return buffer;
    };
    return await searchBreaches(read, size, key);
  } finally {
    await file.close();
  }
}
