import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discriminate } from './discrimination.ts';

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, index) => index + from);

test('samples that are alike, that overlap and that are apart', () => {
  assert.equal(discriminate(upTo(50), upTo(50)).auc, 0.5);
  assert.equal(discriminate(upTo(50, 100), upTo(50)).auc, 1);
  assert.equal(discriminate(upTo(50), upTo(50, 100)).auc, 0);
  assert.equal(discriminate([1, 1, 1], [1, 1]).auc, 0.5);
  // By hand: of the six pairs 3 > 1, 3 > 2 and 2 > 1 are greater, 2 and 2 are alike.
  assert.equal(discriminate([2, 3], [1, 2, 4]).auc, 3.5 / 6);
});

test('the interval holds the figure, and narrows with the samples', () => {
  const few = discriminate(upTo(20), upTo(20));
  const many = discriminate(upTo(300), upTo(300));
  for (const { auc, low, high } of [few, many]) assert.ok(low < auc && auc < high);
  assert.ok(many.high - many.low < few.high - few.low);
  assert.ok(many.high - many.low < 0.12);
});
