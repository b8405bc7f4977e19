import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DIGITS, RANGE_DIGITS, rangeFile } from '../breaches/breach-list.ts';
import { BadBreachFile, BLOCK, wholeLines } from '../breaches/breach-search.ts';
import { InvalidValue } from './config-error.ts';
import type { Parser } from './parse-values.ts';
import { codeOf } from './secret-file.ts';

/** Number of sampled places in a file, and of sampled files in a directory: 00000, 11111 … FFFFF. */
const SAMPLES = 64;
const RANGE_SAMPLES = Array.from('0123456789ABCDEF', (digit) => digit.repeat(RANGE_DIGITS));
const FIX =
  'Set it to the output of the Pwned Passwords downloader: one file with SHA-1 hashes (not NTLM), sorted by hash, or its directory of ranges.';

/** The path of a list of breached passwords. Samples of it are read to check its format. */
export const breachPath: Parser<string> = (text, cwd) => {
  const path = resolve(cwd, text);
  try {
    if (!statSync(path).isDirectory()) checkFile(path, DIGITS, SAMPLES);
    else for (const range of RANGE_SAMPLES) checkFile(join(path, rangeFile(range)), DIGITS - RANGE_DIGITS, 1);
    return path;
  } catch (error) {
    if (error instanceof BadBreachFile) throw new InvalidValue(error.message, FIX);
    throw new InvalidValue(`names a list that cannot be read (${codeOf(error)})`, FIX);
  }
};

/** Throws `BadBreachFile` if the lines at `samples` places are not hashes or not in order. */
function checkFile(path: string, digits: number, samples: number): void {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    if (size === 0) throw new BadBreachFile('names a list that is empty');
    let before = '';
    for (let sample = 0; sample < samples; sample += 1) {
      const start = Math.max(0, Math.floor(((size - BLOCK) * sample) / Math.max(1, samples - 1)));
      const bytes = Buffer.alloc(Math.min(BLOCK, size - start));
      readSync(descriptor, bytes, 0, bytes.length, start);
      const ends = { first: start === 0, last: start + bytes.length === size };
      const keys = wholeLines(bytes, ends, digits).lines.map(({ key }) => key);
      if (keys.length === 0) throw new BadBreachFile('has a line that is too long');
      // Samples of a small file overlap, so that keys strictly increase only within one sample.
      const inOrder = keys.every((key, index) => index === 0 || key > (keys[index - 1] ?? ''));
      if (!inOrder || (keys[0] ?? '') < before) throw new BadBreachFile('is not sorted by hash');
      before = keys[0] ?? '';
    }
  } finally {
    closeSync(descriptor);
  }
}
