import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pauseAfter } from './backoff.ts';

const BACKOFF = { base: 100, max: 1000 };
const least = () => 0;
const most = () => 1 - 2 ** -53;

test('the pause doubles with each failure, up to the most', () => {
  const ceilings = [100, 200, 400, 800, 1000, 1000, 1000];
  for (const [index, ceiling] of ceilings.entries()) {
    assert.equal(pauseAfter(index + 1, BACKOFF, most), ceiling);
    assert.equal(pauseAfter(index + 1, BACKOFF, least), ceiling / 2);
    assert.equal(
      pauseAfter(index + 1, BACKOFF, () => 0.5),
      ceiling * 0.75,
    );
  }
});

test('chance moves it within the upper half, and no further', () => {
  const pauses = Array.from({ length: 1000 }, () => pauseAfter(3, BACKOFF));
  assert.ok(pauses.every((pause) => Number.isInteger(pause) && pause >= 200 && pause <= 400));
  assert.ok(new Set(pauses).size > 50, 'those that failed together do not come back together');
});

test('any number of failures, and a base of 0, give a pause that is a number', () => {
  for (const failures of [31, 32, 100, 1001, 1e9]) {
    assert.equal(pauseAfter(failures, BACKOFF, most), 1000);
    assert.equal(pauseAfter(failures, { base: 0, max: 0 }, most), 0);
  }
  assert.equal(pauseAfter(1, { base: 5, max: 5 }, most), 5);
});
