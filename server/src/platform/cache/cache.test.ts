import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createRandom } from '../../../test/fuzz/random.ts';
import { hasOwnRedis, type OwnRedis, whenReady, withOwnRedis } from '../../../test/own-redis.ts';
import { runningTime } from '../../../test/running-time.ts';
import { until } from '../../../test/until.ts';
import { openWire } from '../../../test/wire.ts';
import { MINUTE } from '../clock.ts';
import { connectRedis } from '../redis/connect.ts';
import { type Cache, createCache } from './cache.ts';
import { createMemoryCache } from './memory-cache.ts';

/** Milliseconds of running time that a call may take at most where Redis is silent: a question is given a quarter of a second. */
const SOON = 2000;
const SHORT = 60;
const CALLERS = 50;

/** Counts its loads; each finds its own number. */
function counting() {
  let loads = 0;
  const load = async () => {
    loads += 1;
    return { loads };
  };
  return { load, loads: () => loads };
}

/** A source whose loads end when the test says so. */
function slow() {
  const begun: PromiseWithResolvers<string>[] = [];
  const load = () => {
    const one = Promise.withResolvers<string>();
    begun.push(one);
    return one.promise;
  };
  const has = (count: number) => until('the load has begun', () => begun.length >= count);
  return { begun, load, has };
}

/** What both kinds promise. `other` is the cache of another instance, or the same where there is no other. */
function promises(withCaches: (run: (cache: Cache, other: Cache) => Promise<void>) => Promise<void>): void {
  test('what was loaded is remembered under its key, and everybody gets a copy of their own', () =>
    withCaches(async (cache, other) => {
      const { load, loads } = counting();
      const first = await cache.remember('key', MINUTE, load);
      first.loads = 99;
      const second = await cache.remember('key', MINUTE, load);
      assert.deepEqual([second, loads()], [{ loads: 1 }, 1]);
      second.loads = 99;
      assert.deepEqual(await other.remember('key', MINUTE, load), { loads: 1 });
      assert.deepEqual(await cache.remember('key2', MINUTE, load), { loads: 2 });
    }));

  test(`${CALLERS} who ask together share one load, and still get copies`, () =>
    withCaches(async (cache) => {
      const { load, loads } = counting();
      const all = await Promise.all(Array.from({ length: CALLERS }, () => cache.remember('key', MINUTE, load)));
      assert.equal(loads(), 1);
      assert.equal(new Set(all).size, CALLERS);
      assert.ok(all.every((value) => value.loads === 1));
    }));

  for (const value of [null, false, 0, '', [], {}, 'ünïcode 角色 \u0000', [1, { deep: [null] }]]) {
    test(`${JSON.stringify(value)} is something to remember`, () =>
      withCaches(async (cache) => {
        assert.deepEqual(await cache.remember('key', MINUTE, async () => value as unknown), value);
        assert.deepEqual(await cache.remember('key', MINUTE, () => assert.fail('loaded twice')), value);
      }));
  }

  test('undefined and failures are passed on and not remembered, also for those who share the load', () =>
    withCaches(async (cache) => {
      for (let i = 0; i < 2; i++) {
        assert.equal(await cache.remember('key', MINUTE, async () => undefined), undefined);
        const fail = async () => Promise.reject(new Error('no luck'));
        const both = [cache.remember('key', MINUTE, fail), cache.remember('key', MINUTE, fail)];
        for (const one of both) await assert.rejects(one, /no luck/);
      }
      const throws = () => {
        throw new Error('at once');
      };
      await assert.rejects(cache.remember('key', MINUTE, throws), /at once/);
      const circle: unknown[] = [];
      circle.push(circle);
      await assert.rejects(
        cache.remember('key', MINUTE, async () => circle),
        TypeError,
      );
      assert.deepEqual(await cache.remember('key', MINUTE, counting().load), { loads: 1 });
    }));

  test('it is loaded again after its ttl, counted from when its load began', () =>
    withCaches(async (cache, other) => {
      const { load } = counting();
      await cache.remember('key', SHORT, load);
      await pause(SHORT + 20);
      assert.deepEqual(await other.remember('key', SHORT, load), { loads: 2 });
      const late = async () => {
        await pause(SHORT + 20);
        return { loads: 0 };
      };
      await cache.remember('slow', SHORT, late);
      assert.deepEqual(await cache.remember('slow', SHORT, load), { loads: 3 }, 'too old before it could land');
    }));

  for (const ttl of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    test(`a ttl of ${ttl} is a mistake`, () =>
      withCaches(async (cache) => {
        await assert.rejects(cache.remember('key', ttl, counting().load), TypeError);
      }));
  }

  test('what was forgotten is loaded again, here and there', () =>
    withCaches(async (cache, other) => {
      const { load } = counting();
      await cache.remember('key', MINUTE, load);
      await cache.remember('kept', MINUTE, load);
      await other.forget('key');
      assert.deepEqual(await cache.remember('key', MINUTE, load), { loads: 3 });
      assert.deepEqual(await other.remember('key', MINUTE, load), { loads: 3 });
      assert.deepEqual(await cache.remember('kept', MINUTE, load), { loads: 2 });
      await cache.forget('never there');
    }));

  test('a load that began before a forget never lands, whichever load ends first', () =>
    withCaches(async (cache, other) => {
      for (const oldEndsFirst of [true, false]) {
        const { begun, load, has } = slow();
        const before = cache.remember('key', MINUTE, load);
        await has(1);
        await cache.forget('key');
        const after = cache.remember('key', MINUTE, load);
        await has(2);
        const end = [() => begun[0]?.resolve('old'), () => begun[1]?.resolve('new')];
        if (!oldEndsFirst) end.reverse();
        end[0]?.();
        await (oldEndsFirst ? before : after);
        end[1]?.();
        assert.deepEqual(await Promise.all([before, after]), ['old', 'new']);
        for (const c of [cache, other]) {
          assert.equal(await c.remember('key', MINUTE, () => assert.fail('the new one has landed')), 'new');
        }
        await cache.forget('key');
      }
    }));

  test('a load that nobody asks about after a forget leaves nothing behind', () =>
    withCaches(async (cache, other) => {
      for (const forgetful of [cache, other]) {
        const { begun, load, has } = slow();
        const before = cache.remember('key', MINUTE, load);
        await has(1);
        await forgetful.forget('key');
        begun[0]?.resolve('old');
        assert.equal(await before, 'old');
        // Whatever it says to Redis has been said when this is answered.
        await cache.remember('something else', MINUTE, async () => '');
        assert.equal(await other.remember('key', MINUTE, async () => 'new'), 'new');
        await cache.forget('key');
      }
    }));

  test('keys may be anything: empty, long, with braces, half a character', () =>
    withCaches(async (cache) => {
      const keys = ['', '}', '{}', '{a}b', 'a{', 'x'.repeat(100_000), '\ud800', '\u0000', '__proto__', 'ä', 'a\u0308'];
      for (const key of keys) assert.equal(await cache.remember(key, MINUTE, async () => key.length), key.length);
      for (const key of keys) assert.equal(await cache.remember(key, MINUTE, async () => -1), key.length);
    }));

  test('however loads and changes cross, the last word is the truth', () =>
    withCaches(async (cache, other) => {
      for (let round = 0; round < 30; round++) {
        const random = createRandom(7, round);
        let truth = 0;
        const load = async () => {
          await pause(random.int(3));
          const read = truth;
          await pause(random.int(3));
          return read;
        };
        const change = async (by: Cache) => {
          await pause(random.int(8));
          truth += 1;
          await by.forget('key');
        };
        const ask = async (of: Cache) => {
          await pause(random.int(8));
          await of.remember('key', MINUTE, load);
        };
        const either = () => (random.chance(0.5) ? cache : other);
        await Promise.all(Array.from({ length: 30 }, () => (random.chance(0.3) ? change(either()) : ask(either()))));
        for (const c of [cache, other]) assert.equal(await c.remember('key', MINUTE, load), truth, `round ${round}`);
        await cache.forget('key');
      }
    }));
}

describe('a cache in one process', () => {
  promises(async (run) => {
    const cache = createCache({ redis: null });
    await run(cache, cache);
  });

  test('holds no more than it has room for; what was asked for last stays', async () => {
    const store = createMemoryCache({ room: 1000 });
    const keep = async (key: string, text: string) => {
      const found = await store.find(key, MINUTE);
      if ('keep' in found) found.keep(text);
    };
    const has = async (key: string) => 'text' in (await store.find(key, MINUTE));
    for (const key of ['a', 'b', 'c']) await keep(key, 'x'.repeat(300));
    assert.ok(await has('a'));
    await keep('d', 'x'.repeat(300));
    assert.deepEqual([await has('a'), await has('b'), await has('c'), await has('d')], [true, false, true, true]);
    await keep('huge', 'x'.repeat(2000));
    assert.deepEqual([await has('huge'), await has('a')], [false, true]);
  });
});

test('whether there is a redis-server to try a shared cache on', (t) => {
  t.diagnostic(hasOwnRedis() ? 'there is' : 'there is none: nothing about what instances remember together was shown');
});

describe('a cache in Redis', { skip: !hasOwnRedis() }, () => {
  async function withTwo(run: (cache: Cache, other: Cache, own: OwnRedis) => Promise<void>): Promise<void> {
    await withOwnRedis(async (own) => {
      const open = () => connectRedis(own.url, { onAway: () => {}, onBack: () => {} });
      const [one, two] = [open(), open()];
      try {
        await Promise.all([whenReady(one), whenReady(two)]);
        await run(createCache({ redis: one }), createCache({ redis: two }), own);
      } finally {
        await Promise.all([one.close(), two.close()]);
      }
    });
  }

  promises(withTwo);

  /** Whether the cache asks its source. */
  const isLoaded = async (cache: Cache, key: string): Promise<boolean> => {
    const { load, loads } = counting();
    await cache.remember<unknown>(key, MINUTE, load);
    return loads() > 0;
  };

  test('instances that load the same do not hinder each other: the first to end is remembered', () =>
    withTwo(async (cache, other) => {
      const [a, b] = [slow(), slow()];
      const both = [cache.remember('key', MINUTE, a.load), other.remember('key', MINUTE, b.load)];
      await Promise.all([a.has(1), b.has(1)]);
      a.begun[0]?.resolve('a');
      assert.equal(await both[0], 'a');
      assert.equal(await isLoaded(cache, 'key'), false);
      b.begun[0]?.resolve('b');
      assert.equal(await both[1], 'b');
      assert.equal(await other.remember('key', MINUTE, async () => 'c'), 'a');
    }));

  test('a Redis that was flushed is filled again, but not by a load that began before', () =>
    withTwo(async (cache, other, own) => {
      await cache.remember('key', MINUTE, async () => 'old');
      const { begun, load, has } = slow();
      const before = cache.remember('slow', MINUTE, load);
      await has(1);
      await own.flush();
      begun[0]?.resolve('old');
      await before;
      assert.equal(await isLoaded(other, 'slow'), true);
      assert.equal(await isLoaded(cache, 'key'), true);
      assert.equal(await isLoaded(other, 'key'), false);
    }));

  test('while Redis is away or silent everything is loaded, in good time; a load is still shared', () =>
    withTwo(async (cache, _other, own) => {
      for (const [leave, comeBack] of [
        [own.freeze, async () => own.thaw()],
        [own.stop, own.start],
      ] as const) {
        await cache.remember('key', MINUTE, async () => 'kept');
        await leave();
        const began = runningTime();
        const { load, loads } = counting();
        await Promise.all(Array.from({ length: CALLERS }, () => cache.remember<unknown>('key', MINUTE, load)));
        assert.equal(loads(), 1);
        for (let i = 0; i < 5; i++) assert.equal(await isLoaded(cache, 'key'), true);
        await cache.forget('key');
        await assert.rejects(
          cache.remember('key', MINUTE, async () => Promise.reject(new Error('of the source'))),
          /of the source/,
        );
        assert.ok(runningTime() - began < SOON);
        await comeBack();
        await until('it is remembered again', async () => !(await isLoaded(cache, 'key')));
        await cache.forget('key');
      }
    }));

  test('what was forgotten in vain is forgotten when Redis can be reached again, and until then not asked for', () =>
    withOwnRedis(async (own) => {
      const url = new URL(own.url);
      const wire = await openWire(Number(url.port));
      url.port = String(wire.port);
      const open = (text: string) => connectRedis(text, { onAway: () => {}, onBack: () => {} });
      const [one, two] = [open(url.href), open(own.url)];
      try {
        await Promise.all([whenReady(one), whenReady(two)]);
        const [cache, other] = [createCache({ redis: one }), createCache({ redis: two })];
        const ask = (c: Cache, key = 'key') => c.remember(key, MINUTE, async () => 'new');
        await cache.remember('key', MINUTE, async () => 'old');
        await until('it has landed', async () => (await own.everything()).includes('old'));
        wire.deafen();
        await cache.forget('key');
        assert.equal(await ask(other), 'old', 'who is not told cannot know');
        assert.equal(await ask(cache), 'new');
        await until('it is told', async () => {
          assert.equal(await ask(cache), 'new');
          return (await ask(other)) === 'new';
        });
        await until('it asks again', async () => !(await isLoaded(cache, 'key')));
      } finally {
        await Promise.all([one.close(), two.close()]);
        await wire.close();
      }
    }));

  test('what Redis is told late is not older than its ttl for all that', () =>
    withTwo(async (cache, other, own) => {
      const { begun, load, has } = slow();
      const loading = cache.remember('key', 5 * SHORT, load);
      await has(1);
      own.freeze();
      begun[0]?.resolve('old');
      assert.equal(await loading, 'old');
      await pause(6 * SHORT);
      own.thaw();
      await until('Redis answers', async () => !(await isLoaded(other, 'something else')));
      assert.equal(await other.remember('key', 5 * SHORT, async () => 'new'), 'new');
    }));

  test('no key is told to Redis, and nothing stays there for ever', () =>
    withTwo(async (cache, _other, own) => {
      await cache.remember('profile ann@example.com', MINUTE, async () => 'found');
      await cache.remember('profile bob@example.com', MINUTE, async () => undefined);
      await until('it has landed', async () => (await own.everything()).includes('found'));
      assert.doesNotMatch(await own.everything(), /example\.com/);
      assert.deepEqual(await own.lasting(), []);
    }));
});
