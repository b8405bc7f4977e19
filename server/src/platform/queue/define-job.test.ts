import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { MINUTE, SECOND } from '../clock.ts';
import { defineJob } from './define-job.ts';

type Fields = Omit<Partial<Parameters<typeof defineJob>[0]>, 'schema' | 'run'>;

const schema = Type.Object({});
const define = (fields: Fields = {}) => defineJob({ name: 'mail.send', schema, run: async () => 1, ...fields });

test('what is not said has defaults', () => {
  const { retries, backoff, timeout, concurrency } = define();
  assert.deepEqual(
    { retries, backoff, timeout, concurrency },
    {
      retries: 5,
      timeout: MINUTE,
      concurrency: 10,
      backoff: { base: SECOND, max: 15 * MINUTE },
    },
  );
});

test('what is said holds, also a part of the backoff', () => {
  const fields = { retries: 0, timeout: 1, concurrency: 1 };
  const { retries, timeout, concurrency } = define(fields);
  assert.deepEqual({ retries, timeout, concurrency }, fields);
  assert.deepEqual(define({ backoff: { base: 5 } }).backoff, { base: 5, max: 15 * MINUTE });
  assert.deepEqual(define({ backoff: { max: 2 * SECOND } }).backoff, { base: SECOND, max: 2 * SECOND });
  assert.deepEqual(define({ backoff: { base: 0, max: 0 } }).backoff, { base: 0, max: 0 });
});

test('a name is a dotted lower-case word', () => {
  for (const name of ['a', 'mail', 'mail.send', 'purge.old-events', 'a1.b2-c3', 'x'.repeat(60)]) {
    assert.equal(define({ name }).name, name);
  }
  const bad = ['', ' ', 'Mail', 'mail.', '.mail', 'mail..send', 'mail--send', 'mail_send', 'mail:send', 'mail send'];
  for (const name of [...bad, '1mail', 'mail\n', 'mäil', '{mail}', 'x'.repeat(61)]) {
    assert.throws(() => define({ name }), TypeError, JSON.stringify(name));
  }
});

test('numbers that make no sense are refused', () => {
  const bad: Fields[] = [
    ...[-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY].map((retries) => ({ retries })),
    ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY].map((concurrency) => ({ concurrency })),
    ...[0, -1, Number.NaN].map((timeout) => ({ timeout })),
    ...[-1, Number.NaN, 16 * MINUTE].map((base) => ({ backoff: { base } })),
    ...[SECOND - 1, Number.NaN].map((max) => ({ backoff: { max } })),
  ];
  for (const fields of bad) assert.throws(() => define(fields), TypeError, JSON.stringify(fields));
});
