import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { hasOwnRedis, type OwnRedis, whenReady, withOwnRedis } from '../../../test/own-redis.ts';
import { runningTime } from '../../../test/running-time.ts';
import { createKeyedHash } from '../crypto/keyed-hash.ts';
import { connectRedis, type RedisConnections } from '../redis/connect.ts';
import { type Count, createCounters } from './counters.ts';

const HOUR = 3600;
const KEYED_HASH = createKeyedHash(Buffer.from('of the tests'));
const RATE = { name: 'tries', points: 3, duration: HOUR };
/** Milliseconds of running time that an answer may take at most where Redis is silent: it is given a quarter of a second. */
const SOON = 1000;

async function counted(add: () => Count | Promise<Count>, times: number): Promise<number> {
  let admitted = 0;
  for (let i = 0; i < times; i++) if (!(await add()).isOver) admitted += 1;
  return admitted;
}

describe('in one process', () => {
  test('counts up to the points of a key, then is over until the duration ends', async () => {
    const counter = createCounters(null, KEYED_HASH)(RATE);
    assert.equal(await counter.used('ann'), 0);
    for (const used of [1, 2, 3]) {
      const { resetIn, ...count } = await counter.add('ann');
      assert.deepEqual(count, { isOver: false, used, left: 3 - used });
      assert.ok(resetIn > 0 && resetIn <= HOUR * 1000);
    }
    assert.equal((await counter.add('ann')).isOver, true);
    assert.deepEqual({ ...(await counter.add('ann')), resetIn: 0 }, { isOver: true, used: 5, left: 0, resetIn: 0 });
    assert.equal((await counter.add('bob')).used, 1);
  });

  test('begins anew when the duration ends', async () => {
    const counter = createCounters(null, KEYED_HASH)({ ...RATE, duration: 1 });
    assert.equal(await counted(() => counter.add('ann'), 10), 3);
    await pause(1100);
    assert.equal(await counted(() => counter.add('ann'), 10), 3);
  });

  test('a duration of thirty days, the longest of a role, counts as any other', async () => {
    const counter = createCounters(null, KEYED_HASH)({ ...RATE, duration: 30 * 24 * HOUR });
    assert.equal(await counted(() => counter.add('ann'), 3), 3);
    // Node's timers hold 24.8 days; a longer one would fire at once.
    await pause(20);
    assert.equal((await counter.add('ann')).isOver, true);
  });

  test('forget resets a count, of this key only; again there is none', async () => {
    const counter = createCounters(null, KEYED_HASH)(RATE);
    await counted(() => counter.add('ann'), 5);
    await counter.add('bob');
    assert.deepEqual([await counter.forget('ann'), await counter.forget('ann')], [true, false]);
    assert.equal(await counted(() => counter.add('ann'), 5), 3);
    assert.equal(await counter.used('bob'), 1);
  });

  test('one name is one counter, and has one rate', async () => {
    const counters = createCounters(null, KEYED_HASH);
    await counters(RATE).add('ann');
    assert.equal((await counters({ ...RATE }).add('ann')).used, 2);
    assert.throws(() => counters({ ...RATE, points: 4 }), TypeError);
    assert.throws(() => counters({ ...RATE, duration: 1 }), TypeError);
    assert.equal((await counters({ ...RATE, name: 'others' }).add('ann')).used, 1);
  });

  test('of 50 at once as many are admitted as there are points', async () => {
    const counter = createCounters(null, KEYED_HASH)(RATE);
    const counts = await Promise.all(Array.from({ length: 50 }, () => counter.add('ann')));
    assert.equal(counts.filter(({ isOver }) => !isOver).length, 3);
  });
});

test('whether there is a redis-server to try shared counters on', (t) => {
  t.diagnostic(hasOwnRedis() ? 'there is' : 'there is none: nothing about counters that instances share was shown');
});

describe('shared by Redis', { skip: !hasOwnRedis() }, () => {
  /** Two instances of the server, as far as counters know. */
  function withTwo(
    run: (s: { redis: OwnRedis; one: RedisConnections; two: RedisConnections }) => Promise<void>,
  ): Promise<void> {
    return withOwnRedis(async (redis) => {
      const open = () => connectRedis(redis.url, { onAway: () => {}, onBack: () => {} });
      const [one, two] = [open(), open()];
      try {
        await Promise.all([whenReady(one), whenReady(two)]);
        await run({ redis, one, two });
      } finally {
        await Promise.all([one.close(), two.close()]);
      }
    });
  }

  test('two instances count together, also at once', () =>
    withTwo(async ({ one, two }) => {
      const [a, b] = [createCounters(one, KEYED_HASH)(RATE), createCounters(two, KEYED_HASH)(RATE)];
      await a.add('ann');
      assert.equal(await b.used('ann'), 1);
      assert.equal((await b.add('ann')).used, 2);
      const counts = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 ? a : b).add('bob')));
      assert.equal(counts.filter(({ isOver }) => !isOver).length, 3);
      assert.ok(counts.every(({ isOver, used, left }) => (isOver ? used > 3 && left === 0 : used + left === 3)));
    }));

  test('forget on one instance resets the count of all, and of 50 at once one is told so', () =>
    withTwo(async ({ one, two }) => {
      const [a, b] = [createCounters(one, KEYED_HASH)(RATE), createCounters(two, KEYED_HASH)(RATE)];
      await counted(() => a.add('ann'), 5);
      const told = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 ? a : b).forget('ann')));
      assert.equal(told.filter(Boolean).length, 1);
      assert.equal(await a.used('ann'), 0);
      assert.equal(await counted(() => b.add('ann'), 5), 3);
    }));

  test('a flush gives back no more than what an instance had not yet refused', () =>
    withTwo(async ({ redis, one }) => {
      const counter = createCounters(one, KEYED_HASH)(RATE);
      assert.equal(await counted(() => counter.add('ann'), 5), 3);
      await redis.flush();
      assert.equal((await counter.add('ann')).isOver, true, 'who was refused is refused on');
    }));

  test('while Redis is away each process counts for itself: nothing fails, and nobody is without a limit', () =>
    withTwo(async ({ redis, one, two }) => {
      const [a, b] = [createCounters(one, KEYED_HASH)(RATE), createCounters(two, KEYED_HASH)(RATE)];
      await a.add('ann');
      await redis.stop();
      assert.equal(await counted(() => a.add('ann'), 20), 3);
      assert.equal(await counted(() => b.add('ann'), 20), 3);
      assert.equal(await a.used('cid'), 0);
      await redis.start();
      await Promise.all([whenReady(one), whenReady(two)]);
      assert.equal(await counted(() => a.add('dan'), 5), 3);
      assert.equal((await b.add('dan')).isOver, true, 'and together again when it is back');
    }));

  test('a Redis that says nothing holds nobody up', () =>
    withTwo(async ({ redis, one }) => {
      const counter = createCounters(one, KEYED_HASH)(RATE);
      redis.freeze();
      const began = runningTime();
      const counts = await Promise.all(Array.from({ length: 50 }, () => counter.add('ann')));
      assert.ok(runningTime() - began < SOON);
      assert.equal(counts.filter(({ isOver }) => !isOver).length, 3);
      redis.thaw();
    }));

  test('an instance that never saw its Redis counts, too', () =>
    withTwo(async ({ redis }) => {
      await redis.stop();
      const late = connectRedis(redis.url, { onAway: () => {}, onBack: () => {} });
      const counter = createCounters(late, KEYED_HASH)(RATE);
      assert.equal(await counted(() => counter.add('ann'), 20), 3);
      await late.close();
    }));
});
