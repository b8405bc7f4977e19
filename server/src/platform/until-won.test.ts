import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from './errors.ts';
import { untilWon } from './until-won.ts';

/** Pauses that take no time, and are counted. */
function counted(random: () => number) {
  const pauses: number[] = [];
  return { pauses, options: { random, pause: async (milliseconds: number) => void pauses.push(milliseconds) } };
}

test('an attempt that wins at once is made once, without a pause', async () => {
  const { pauses, options } = counted(() => 1);
  const rounds: number[] = [];
  assert.equal(await untilWon(async (lost) => rounds.push(lost), options), 1);
  assert.deepEqual([rounds, pauses], [[0], []]);
});

test('false, 0 and empty text are answers; only null is a lost race', async () => {
  for (const answer of [false, 0, '']) {
    const answers = [null, null, answer];
    assert.equal(await untilWon(async (lost) => answers[lost] ?? null, counted(() => 0).options), answer);
  }
});

test('the pauses double up to 200 ms, and then 503 tells to come again', async () => {
  const { pauses, options } = counted(() => 1);
  let rounds = 0;
  const lose = async () => {
    rounds += 1;
    return null;
  };
  await assert.rejects(untilWon(lose, options), (error) => {
    assert.ok(error instanceof AppError);
    assert.deepEqual([error.code, error.status, error.extras.headers], ['overloaded', 503, { 'retry-after': '1' }]);
    return true;
  });
  assert.equal(rounds, 12);
  assert.deepEqual(pauses, [4, 8, 16, 32, 64, 128, 200, 200, 200, 200, 200]);
});

test('each pause is a random part of what it may be', async () => {
  const { pauses, options } = counted(() => 0.25);
  await assert.rejects(untilWon(async () => null, options));
  assert.deepEqual(pauses.slice(0, 3), [1, 2, 4]);
});

test('what an attempt throws ends it', async () => {
  const { pauses, options } = counted(() => 1);
  const fault = new Error('not found');
  const attempt = async (lost: number) => {
    if (lost === 2) throw fault;
    return null;
  };
  await assert.rejects(untilWon(attempt, options), fault);
  assert.equal(pauses.length, 2);
});

test('of fifty who count one record up at once by compare-and-set, each is counted once', async () => {
  let record = 0;
  const countUp = () =>
    untilWon(async () => {
      const read = record;
      await Promise.resolve();
      if (record !== read) return null;
      record = read + 1;
      return true;
    });
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, countUp));
  assert.equal(record, outcomes.filter(({ status }) => status === 'fulfilled').length);
  assert.ok(record > 0);
});

test('two hundred of this process who write one record take turns: none loses, and each reads and writes once', async () => {
  let [record, reads, lostRaces, underWay, most] = [0, 0, 0, 0, 0];
  const countUp = () =>
    untilWon(
      async (lost) => {
        underWay += 1;
        most = Math.max(most, underWay);
        reads += 1;
        lostRaces += Number(lost > 0);
        const read = record;
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        if (record !== read) return null;
        record = read + 1;
        return record;
      },
      { record: 'counter:1' },
    );
  const results = await Promise.all(Array.from({ length: 200 }, countUp));
  assert.deepEqual([record, reads, lostRaces, most], [200, 200, 0, 1]);
  assert.deepEqual(
    results,
    Array.from({ length: 200 }, (_, i) => i + 1),
  );
});

test('writers of another record do not wait', async () => {
  let release = () => {};
  const slow = untilWon(
    () =>
      new Promise<true>((resolve) => {
        release = () => resolve(true);
      }),
    { record: 'counter:2' },
  );
  assert.equal(await untilWon(async () => 'quick', { record: 'counter:3' }), 'quick');
  release();
  assert.equal(await slow, true);
});

test('a writer that holds the turn of a record does not wait for it again', async () => {
  const done = await untilWon(() => untilWon(async () => 'inner', { record: 'user:nested' }), {
    record: 'user:nested',
  });
  assert.equal(done, 'inner');
});
