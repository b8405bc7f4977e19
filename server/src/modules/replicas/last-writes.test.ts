import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after } from '../../platform/clock.ts';
import { createLastWrites } from './last-writes.ts';

const START = new Date(0);

test('the last change of each counts, and who changed nothing waits for nothing', () => {
  const writes = createLastWrites(10);
  assert.equal(writes.of('ada'), Number.NEGATIVE_INFINITY);
  writes.note('ada', START);
  writes.note('ada', after(START, 5));
  writes.note('bob', after(START, 3));
  assert.deepEqual([writes.of('ada'), writes.of('bob'), writes.of('eve')], [5, 3, Number.NEGATIVE_INFINITY]);
});

test('whoever is forgotten is told the time of a later change, never of an earlier one', () => {
  const writes = createLastWrites(2);
  writes.note('ada', after(START, 1));
  writes.note('bob', after(START, 2));
  writes.note('ada', after(START, 3));
  writes.note('eve', after(START, 4));
  assert.deepEqual([writes.of('ada'), writes.of('bob'), writes.of('eve')], [3, 2, 4], 'bob was the oldest');
  writes.note('dan', after(START, 5));
  assert.deepEqual([writes.of('ada'), writes.of('bob')], [3, 3]);
  assert.deepEqual([writes.of('eve'), writes.of('dan')], [4, 5]);
});

test('however many write, no more than the limit are kept', () => {
  const writes = createLastWrites(100);
  for (let i = 0; i < 1000; i++) writes.note(`somebody ${i}`, after(START, i));
  for (let i = 0; i < 1000; i++) assert.ok(writes.of(`somebody ${i}`) >= i);
  assert.equal(writes.of('nobody'), 899);
});
