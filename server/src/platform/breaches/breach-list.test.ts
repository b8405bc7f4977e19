import assert from 'node:assert/strict';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { breachDirectory, hashes, lines, sha1 } from './breach.testing.ts';
import { isInBreachList } from './breach-list.ts';
import { BadBreachFile, BLOCK, type ReadAt, searchBreaches } from './breach-search.ts';

const KEYS = hashes(200_000);
const [FIRST = '', SECOND = ''] = KEYS;
const LAST = KEYS.at(-1) ?? '';

/** Reads from memory, and counts. */
function over(text: string) {
  const bytes = Buffer.from(text);
  let reads = 0;
  const read: ReadAt = async (position, length) => {
    reads += 1;
    assert.ok(position >= 0 && length > 0 && length <= BLOCK && position + length <= bytes.length);
    return bytes.subarray(position, position + length);
  };
  return { reads: () => reads, has: (key: string) => searchBreaches(read, bytes.length, key) };
}

test('every hash of a file is found, and none of those beside them, with either line end and without the last', async () => {
  for (const text of [lines(KEYS), lines(KEYS, '\r\n'), lines(KEYS).trimEnd()]) {
    const list = over(text);
    const edges = [FIRST, SECOND, KEYS.at(-2) ?? '', LAST];
    for (const key of [...edges, ...KEYS.filter((_, index) => index % 997 === 0)])
      assert.equal(await list.has(key), true, key);
    const beside = (key: string) => key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
    for (const key of KEYS.filter((_, index) => index % 997 === 0))
      assert.equal(await list.has(beside(key)), false, key);
    for (const key of ['0'.repeat(40), 'F'.repeat(40), beside(FIRST), beside(LAST)])
      assert.equal(await list.has(key), false, key);
  }
});

test('files of every small size, whatever lies at the borders of the blocks', async () => {
  for (const count of [1, 2, 3, 100, 330, 331, 332, 333, 360, 400, 700, 1000]) {
    const keys = hashes(count);
    for (const text of [lines(keys), lines(keys, '\r\n'), lines(keys).trimEnd()]) {
      const list = over(text);
      for (const key of keys) assert.equal(await list.has(key), true, `${key} of ${count}`);
      for (const key of hashes(1000).slice(0, 50)) assert.equal(await list.has(key), keys.includes(key));
      assert.equal(await list.has(sha1('nobody has this')), false);
    }
  }
  assert.equal(await over('').has(FIRST), false);
});

test('a handful of reads is enough, and hashes that crowd together cost no more than halving', async () => {
  const even = over(lines(KEYS));
  for (let index = 0; index < 200; index += 1) await even.has(sha1(`other ${index}`));
  assert.ok(even.reads() <= 200 * 4, `${even.reads()} reads for 200`);
  // All but one within a trillionth of the range.
  const crowd = [`0${'0'.repeat(39)}`, ...KEYS.map((key) => `FFFFFFFFFFFF${key.slice(12)}`).sort()];
  const uneven = over(lines(crowd));
  for (const key of [crowd[1], crowd[77_777], crowd.at(-1)]) assert.equal(await uneven.has(key ?? ''), true);
  assert.ok(uneven.reads() <= 3 * 20, `${uneven.reads()} reads for 3`);
});

test('a line of padding (count 0) says nothing', async () => {
  const list = over(`${FIRST}:0\r\n${SECOND}:1\r\n`);
  assert.deepEqual([await list.has(FIRST), await list.has(SECOND)], [false, true]);
});

test('whatever is no list of hashes is an error, and not an answer', async () => {
  const bad = [
    'rubbish\n',
    `${FIRST}\n`,
    `${FIRST.toLowerCase()}:1\n`,
    `${FIRST.slice(8)}:1\n`,
    'x'.repeat(100_000),
    '\0'.repeat(100),
  ];
  for (const text of bad) await assert.rejects(over(text).has(FIRST), BadBreachFile, text.slice(0, 50));
});

test('a file and a directory of ranges are read from disk as they are now', async (t) => {
  const dir = breachDirectory(t);
  const file = join(dir, 'pwned.txt');
  writeFileSync(file, lines(KEYS));
  for (const key of [FIRST, LAST, ...KEYS.slice(5000, 5010)]) assert.equal(await isInBreachList(file, key), true);
  assert.equal(await isInBreachList(file, sha1('nobody has this')), false);

  const ranges = join(dir, 'ranges');
  mkdirSync(ranges);
  const range = FIRST.slice(0, 5);
  const suffixes = hashes(800)
    .map((key) => key.slice(5))
    .sort();
  writeFileSync(join(ranges, `${range}.txt`), lines(suffixes, '\r\n'));
  for (const suffix of suffixes) assert.equal(await isInBreachList(ranges, range + suffix), true);
  assert.equal(await isInBreachList(ranges, range + sha1('nobody').slice(5)), false);
  await assert.rejects(isInBreachList(ranges, `${range === 'FFFFF' ? '00000' : 'FFFFF'}${suffixes[0]}`), /ENOENT/);

  // Renewed while the server runs.
  writeFileSync(file, lines([FIRST]));
  assert.deepEqual([await isInBreachList(file, FIRST), await isInBreachList(file, LAST)], [true, false]);
  truncateSync(file, 30);
  await assert.rejects(isInBreachList(file, FIRST), BadBreachFile);
  rmSync(file);
  await assert.rejects(isInBreachList(file, FIRST), /ENOENT/);
});
