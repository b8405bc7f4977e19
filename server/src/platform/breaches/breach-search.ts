/** Bytes per read: some 350 lines. */
export const BLOCK = 16 * 1024;
/** Reads by interpolation, which assumes evenly spread hashes; after that, bisection, which works for any file. */
const GUESSES = 4;
/** Hexadecimal digits that a double represents exactly. */
const EXACT_DIGITS = 12;

/** The end of a hash, and how often it was seen. A count of 0 is padding of a range. */
export interface BreachLine {
  key: string;
  count: number;
}

/** Reads `length` bytes at `position`. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>;

/** The file is not made of lines of `HASH:count`, in capitals and in order. */
export class BadBreachFile extends Error {
  override readonly name = 'BadBreachFile';
}

/**
 * Whether a sorted file of `size` bytes has `key` (hexadecimal, in capitals, as long as the keys of the file) with a count of 1 or
 * more. Hashes are evenly spread, so that a few interpolated reads of `BLOCK` bytes are enough, however large the file is.
 * Throws `BadBreachFile` at a malformed line.
 */
export async function searchBreaches(read: ReadAt, size: number, key: string): Promise<boolean> {
  const wanted = shareOf(key);
  // Both are starts of lines; the line with the key, if any, begins between them.
  let low = 0;
  let high = size;
  let lowShare = 0;
  let highShare = 1;
  for (let step = 0; low < high; step += 1) {
    const share = step < GUESSES ? (wanted - lowShare) / (highShare - lowShare) : 0.5;
    const guess = low + Math.floor((high - low) * (share >= 0 && share <= 1 ? share : 0.5)) - BLOCK / 2;
    const start = Math.max(low, Math.min(guess, high - BLOCK));
    const bytes = await read(start, Math.min(BLOCK, high - start));
    const { lines, from, to } = wholeLines(
      bytes,
      { first: start === low, last: start + bytes.length === high },
      key.length,
    );
    const [first, last] = [lines[0], lines.at(-1)];
    if (first === undefined || last === undefined) throw new BadBreachFile('has a line that is too long');
    if (key < first.key) [high, highShare] = [start + from, shareOf(first.key)];
    else if (key > last.key) [low, lowShare] = [start + to, shareOf(last.key)];
    else return lines.some((line) => line.key === key && line.count > 0);
  }
  return false;
}

/**
 * The complete lines in `bytes`, and where the first begins and the last ends; `first` and `last` say that the bytes begin and end with
 * a line. Throws `BadBreachFile` if a line is not `HASH:count` with `digits` capitals.
 */
export function wholeLines(
  bytes: Buffer,
  { first, last }: { first: boolean; last: boolean },
  digits: number,
): { lines: BreachLine[]; from: number; to: number } {
  const from = first ? 0 : bytes.indexOf('\n') + 1;
  const to = last ? bytes.length : bytes.lastIndexOf('\n') + 1;
  // Without a line break there is no complete line.
  if ((!first && from === 0) || to <= from) return { lines: [], from: 0, to: 0 };
  const texts = bytes
    .toString('latin1', from, to)
    .replace(/\r?\n$/, '')
    .split('\n');
  return { lines: texts.map((text) => lineOf(text, digits)), from, to };
}

function lineOf(text: string, digits: number): BreachLine {
  const [, key, count] = /^([0-9A-F]+):(\d{1,12})\r?$/.exec(text) ?? [];
  if (key?.length !== digits)
    throw new BadBreachFile('has a line that is not a SHA-1 in capitals, a colon and a count');
  return { key, count: Number(count) };
}

/** The share of all keys that are smaller. */
function shareOf(key: string): number {
  return Number.parseInt(key.slice(0, EXACT_DIGITS), 16) / 16 ** EXACT_DIGITS;
}
