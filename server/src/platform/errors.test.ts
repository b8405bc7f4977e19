import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineErrors, mergeErrors } from './errors.ts';

const lost = { status: 404, title: 'It is lost.' };
const taken = { status: 409, title: 'It is taken.' };

test('tables become one, in their order', () => {
  const merged = mergeErrors(defineErrors({ thing_lost: lost }), defineErrors({ thing_taken: taken }));
  assert.deepEqual(Object.entries(merged), [
    ['thing_lost', lost],
    ['thing_taken', taken],
  ]);
});

test('a code that two tables define is refused, also where both say the same', () => {
  const first = defineErrors({ thing_lost: lost, thing_taken: taken });
  assert.throws(() => mergeErrors(first, defineErrors({ thing_lost: { ...lost } })), {
    name: 'TypeError',
    message: 'Two error tables define thing_lost.',
  });
});
