import assert from 'node:assert/strict';
import { test } from 'node:test';
import { besideCommitted } from './committed.ts';

test('a figure fails only beyond a third over the committed one', () => {
  for (const [measured, committed, fails] of [
    [0.5, 3, false],
    [3, 3, false],
    [4, 3, false],
    [4.01, 3, true],
    [2, 1.5, false],
    [2.01, 1.5, true],
  ] as const) {
    assert.equal(besideCommitted(measured, committed).fails, fails, `${measured} of ${committed}`);
  }
});

test('what is shown as the most is what decides', () => {
  // 4 / 3 of it is 1.6267, shown as 1.63.
  const { aim, fails } = besideCommitted(1.629, 1.22);
  assert.deepEqual(aim, { at: 'most', value: 1.63 });
  assert.equal(fails, false);
});
