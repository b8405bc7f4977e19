import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { Type } from 'typebox';
import { makeJob } from '../../../test/fixtures.ts';
import { after, DAY, MINUTE, SECOND } from '../clock.ts';
import { defineJob } from './define-job.ts';
import { createFailureLog } from './failure-log.ts';
import type { JobRecord } from './queue.ts';
import { JobDeferred, startAttempt } from './run-attempt.ts';

/** The outcome of an attempt after so many failures. */
async function outcomeAfter(attempts: number, options?: { soon: boolean }) {
  const definition = defineJob({
    name: 'test.deferred',
    schema: Type.Unknown(),
    retries: 300,
    backoff: { base: 2 * SECOND, max: 15 * MINUTE },
    async run() {
      throw new JobDeferred('Too many for now.', '550 5.7.0', options);
    },
  });
  const { promised: _, ...job } = makeJob();
  const record: JobRecord = {
    ...job,
    attempts,
    state: 'active',
    retries: 300,
    progress: null,
    log: [],
    result: null,
    failure: null,
    startedAt: null,
    finishedAt: null,
  };
  return startAttempt(definition, record, () => {}).outcome;
}

test('what is deferred is retried slowly from the first time on, and not more slowly than its kind says', async () => {
  for (const [attempts, least, most] of [
    [0, MINUTE / 2, MINUTE],
    [1, MINUTE, 2 * MINUTE],
    [20, 7.5 * MINUTE, 15 * MINUTE],
  ] as const) {
    const { state, retryAfter = 0, deferredFor } = await outcomeAfter(attempts);
    assert.deepEqual([state, deferredFor], ['failed', '550 5.7.0']);
    assert.ok(retryAfter >= least && retryAfter <= most, `${retryAfter} after ${attempts}`);
  }
});

test('what is deferred for a moment is retried as any failure is', async () => {
  const { retryAfter = 0, deferredFor } = await outcomeAfter(0, { soon: true });
  assert.equal(deferredFor, '550 5.7.0');
  assert.ok(retryAfter >= SECOND && retryAfter <= 2 * SECOND, `${retryAfter}`);
});

test('each reason is told once a day, however many jobs are deferred and others succeed in between', () => {
  const lines: string[] = [];
  let now = new Date('2026-11-20T12:00:00.000Z');
  const ended = createFailureLog(pino({}, { write: (line: string) => void lines.push(line) }), () => now);
  const failure = { message: 'Too many for now.', stack: null };
  for (let i = 0; i < 100; i++) {
    if (i === 50) {
      assert.equal(lines.length, 2);
      now = after(now, DAY);
    }
    for (const deferredFor of ['550 5.7.0', '554']) {
      ended({ id: `${i}`, name: 'mail.send' }, { state: 'failed', failure, retryAfter: 1, deferredFor });
    }
    ended({ id: `${i}`, name: 'mail.send' }, { state: 'completed' });
  }
  assert.equal(lines.length, 4);
});
