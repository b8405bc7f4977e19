import assert from 'node:assert/strict';
import { test } from 'node:test';
import { besideCommitted, costIn } from './committed.ts';

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

test('slices that the machine disturbed do not count, on either side, and a dearer request does', () => {
  const calm = { ours: [20, 21, 20, 22, 20, 21, 20, 21], theirs: [10, 10, 10, 11, 10, 10, 11, 10] };
  assert.equal(costIn(calm), 2);
  const disturbed = calm.ours.map((cost, index) => (index % 2 === 1 ? cost * 4 : cost));
  assert.equal(costIn({ ...calm, ours: disturbed }), 2);
  assert.equal(costIn({ ...calm, theirs: calm.theirs.map((cost, index) => (index < 4 ? cost * 3 : cost)) }), 2);
  assert.equal(costIn({ ...calm, ours: calm.ours.map((cost) => cost * 1.5) }), 3);
});
