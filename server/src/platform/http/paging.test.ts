import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeyring } from '../crypto/keyring.ts';
import { AppError } from '../errors.ts';
import { createLists, type ListQuery, type ListSource } from './paging.ts';

const list = createLists({
  keyring: createKeyring({ current: 'a secret of thirty-two bytes or more!', previous: null }),
});

/** A list of the texts 0001, 0002 …, in order. */
function numbers(total: number, name = 'numbers'): ListSource<string> {
  const all = Array.from({ length: total }, (_, index) => String(index + 1).padStart(6, '0'));
  return {
    name,
    read: async ({ after, skip, limit }) =>
      all.filter((key) => after === null || key > after).slice(skip, skip + limit),
    count: async (limit) => Math.min(total, limit),
    keyOf: (key) => key,
  };
}

const refuses = (query: ListQuery, source: ListSource<string>) =>
  assert.rejects(list(query, source), (error) => error instanceof AppError && error.code === 'validation_failed');

test('pages have twenty items unless told otherwise, and a total', async () => {
  const first = await list({}, numbers(45));
  assert.deepEqual(
    [first.items.length, first.page, first.pageSize, first.total, first.totalIsExact],
    [20, 1, 20, 45, true],
  );
  const third = await list({ page: 3 }, numbers(45));
  assert.deepEqual(third.items, ['000041', '000042', '000043', '000044', '000045']);
  assert.equal(first.nextCursor, undefined);
});

test('totals are counted and pages reach up to row 10,000', async () => {
  const exact = await list({}, numbers(10_000));
  assert.deepEqual([exact.total, exact.totalIsExact], [10_000, true]);
  const more = await list({ page: 100, pageSize: 100 }, numbers(10_001));
  assert.deepEqual([more.total, more.totalIsExact, more.items.at(-1)], [10_000, false, '010000']);
  await refuses({ page: 101, pageSize: 100 }, numbers(10_001));
});

test('cursors go through everything once, and end', async () => {
  const source = numbers(45);
  const seen: string[] = [];
  let cursor: string | null | undefined = '';
  while (typeof cursor === 'string') {
    const page: Awaited<ReturnType<typeof list<string>>> = await list({ cursor, pageSize: 15 }, source);
    seen.push(...page.items);
    cursor = page.nextCursor;
    assert.equal(page.total, undefined);
  }
  assert.equal(cursor, null);
  assert.deepEqual(seen, (await list({ pageSize: 100 }, source)).items);
});

test('a cursor that was changed, made up, or belongs to another list is refused', async () => {
  const { nextCursor } = await list({ cursor: '' }, numbers(45));
  assert.ok(nextCursor);
  await refuses({ cursor: nextCursor }, numbers(45, 'somebody else’s numbers'));
  const [keyId = '', key = '', mac = ''] = nextCursor.split('.');
  const other = Buffer.from('000003').toString('base64url');
  for (const bad of [
    `${keyId}.${other}.${mac}`,
    `${keyId}.${key}.`,
    `${keyId}.${key}`,
    `x.${key}.${mac}`,
    'x',
    '000020',
    `${nextCursor}x`,
  ]) {
    await refuses({ cursor: bad }, numbers(45));
  }
});
