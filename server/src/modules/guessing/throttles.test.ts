import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabases } from '../../../test/databases.ts';
import { atOnce, type SceneOptions, withScene } from '../../../test/scenario.ts';
import { after, DAY, HOUR, MINUTE, SECOND } from '../../platform/clock.ts';
import { createKeyedHash } from '../../platform/crypto/keyed-hash.ts';
import { createThrottles, type Pace, type Throttles } from './throttles.ts';

const PACE: Pace = { kind: 'account', free: 5, delays: [2, 4, 8, 16, 20].map((minutes) => minutes * MINUTE) };

function withThrottles(
  run: (s: {
    throttles: Throttles;
    /** As another instance, or the same one after a restart. */
    again(): Throttles;
    forward(milliseconds: number): void;
  }) => Promise<void>,
  options: SceneOptions = {},
): Promise<void> {
  return withScene(async (scene) => {
    const keyedHash = createKeyedHash(Buffer.from('of the tests'));
    const again = () => createThrottles({ store: scene.app.storage.throttles, keyedHash, clock: () => scene.time.now });
    await run({ throttles: again(), again, forward: (milliseconds) => scene.time.forward(milliseconds) });
  }, options);
}

/** How many of the tries that come every ten seconds are made in so many milliseconds. */
async function triesIn(span: number, throttles: Throttles, forward: (milliseconds: number) => void): Promise<number> {
  let made = 0;
  for (let passed = 0; passed < span; passed += MINUTE / 6) {
    if ((await throttles.take(PACE, 'ann')).wait === 0) made += 1;
    forward(MINUTE / 6);
  }
  return made;
}

test('five tries at any pace, then waits that grow', () =>
  withThrottles(async ({ throttles, forward }) => {
    for (let tries = 1; tries <= 5; tries++) assert.deepEqual(await throttles.take(PACE, 'ann'), { tries, wait: 0 });
    for (const [index, minutes] of [2, 4, 8, 16, 20, 20, 20].entries()) {
      const tries = 5 + index;
      assert.deepEqual(await throttles.take(PACE, 'ann'), { tries, wait: minutes * MINUTE });
      forward(minutes * MINUTE - 1);
      assert.deepEqual(await throttles.take(PACE, 'ann'), { tries, wait: 1 }, 'a try that was not made counts nothing');
      assert.deepEqual(await throttles.peek(PACE, 'ann'), { tries, wait: 1 });
      forward(1);
      assert.deepEqual(await throttles.peek(PACE, 'ann'), { tries, wait: 0 });
      assert.deepEqual(await throttles.take(PACE, 'ann'), { tries: tries + 1, wait: 0 });
    }
  }));

test('ten tries in the first hour, three in every other, also across a restart', () =>
  withThrottles(async ({ throttles, again, forward }) => {
    assert.equal((await triesIn(HOUR / 2, throttles, forward)) + (await triesIn(HOUR / 2, again(), forward)), 10);
    for (let hour = 0; hour < 30; hour++) assert.ok((await triesIn(HOUR, again(), forward)) <= 3);
  }));

test('keys and kinds are counted apart', () =>
  withThrottles(async ({ throttles }) => {
    for (let tries = 0; tries < 5; tries++) await throttles.take(PACE, 'ann');
    assert.notEqual((await throttles.take(PACE, 'ann')).wait, 0);
    assert.equal((await throttles.take(PACE, 'Ann')).wait, 0);
    assert.equal((await throttles.take(PACE, 'ann ')).wait, 0);
    assert.equal((await throttles.take({ ...PACE, kind: 'device' }, 'ann')).wait, 0);
  }));

test('a day after the end of the last wait all is forgotten, and not a moment before', () =>
  withThrottles(async ({ throttles, forward }) => {
    for (let tries = 0; tries < 5; tries++) await throttles.take(PACE, 'ann');
    forward(2 * MINUTE + DAY - 1);
    assert.equal((await throttles.peek(PACE, 'ann')).tries, 5);
    forward(1);
    assert.deepEqual(await throttles.peek(PACE, 'ann'), { tries: 0, wait: 0 });
    assert.deepEqual(await throttles.take(PACE, 'ann'), { tries: 1, wait: 0 }, 'over what is still there');
  }));

test('with a window, all is forgotten so long after the first try, and no wait is longer', () =>
  withThrottles(async ({ throttles, forward }) => {
    const daily: Pace = { kind: 'daily', free: 2, delays: [MINUTE, DAY], window: DAY };
    const take = () => throttles.take(daily, 'ann');
    assert.deepEqual(await take(), { tries: 1, wait: 0 });
    forward(HOUR);
    assert.deepEqual(await take(), { tries: 2, wait: 0 });
    assert.deepEqual(await take(), { tries: 2, wait: MINUTE });
    forward(MINUTE);
    assert.deepEqual(await take(), { tries: 3, wait: 0 });
    assert.deepEqual(await take(), { tries: 3, wait: DAY - HOUR - MINUTE });
    await throttles.undo(daily, 'ann');
    assert.deepEqual(await take(), { tries: 3, wait: 0 });
    forward(DAY - HOUR - MINUTE - 1);
    assert.deepEqual(await take(), { tries: 3, wait: 1 });
    forward(1);
    assert.deepEqual(await take(), { tries: 1, wait: 0 });
  }));

test('undo takes back one try and its wait; forget takes back all', () =>
  withThrottles(async ({ throttles }) => {
    for (let tries = 0; tries < 5; tries++) await throttles.take(PACE, 'ann');
    await throttles.undo(PACE, 'ann');
    assert.deepEqual(await throttles.take(PACE, 'ann'), { tries: 5, wait: 0 });
    assert.notEqual((await throttles.take(PACE, 'ann')).wait, 0);
    await throttles.forget(PACE, 'ann');
    await throttles.forget(PACE, 'ann');
    await throttles.undo(PACE, 'ann');
    assert.deepEqual(await throttles.take(PACE, 'ann'), { tries: 1, wait: 0 });
  }));

test('what is counted after it was made counts also while there is a wait, and the wait begins anew', () =>
  withThrottles(async ({ throttles, forward }) => {
    await atOnce(7, () => throttles.count(PACE, 'ann'));
    assert.deepEqual(await throttles.peek(PACE, 'ann'), { tries: 7, wait: 8 * MINUTE });
    forward(MINUTE);
    await throttles.count(PACE, 'ann');
    assert.deepEqual(await throttles.peek(PACE, 'ann'), { tries: 8, wait: 16 * MINUTE });
  }));

test('of 50 at once no more are made than of one after the other', () =>
  withThrottles(async ({ throttles, again, forward }) => {
    const instances = [throttles, again(), again()];
    const rush = async () => {
      const turns = await atOnce(50, (index) => instances[index % 3]?.take(PACE, 'ann') ?? assert.fail());
      return turns.filter(({ wait }) => wait === 0).length;
    };
    assert.equal(await rush(), 5);
    assert.equal(await rush(), 0);
    forward(2 * MINUTE);
    assert.equal(await rush(), 1);
    forward(4 * MINUTE);
    assert.equal(await rush(), 1);
  }));

test('uncount takes back one try, and only the wait that it has caused', () =>
  withThrottles(async ({ throttles }) => {
    await atOnce(5, () => throttles.count(PACE, 'ann'));
    await throttles.uncount(PACE, 'ann');
    assert.deepEqual(await throttles.peek(PACE, 'ann'), { tries: 4, wait: 0 });
    await atOnce(3, () => throttles.count(PACE, 'ann'));
    await throttles.uncount(PACE, 'ann');
    assert.deepEqual(await throttles.peek(PACE, 'ann'), { tries: 6, wait: 4 * MINUTE }, 'the others caused this one');
    await throttles.uncount(PACE, 'nobody');
    assert.deepEqual(await throttles.peek(PACE, 'nobody'), { tries: 0, wait: 0 });
  }));

for (const skew of [100, 3 * SECOND, HOUR]) {
  test(`two hosts whose clocks are ${skew} ms apart: no wait is none, and a wait is no longer than it was`, () =>
    withScene(async ({ app, time }) => {
      const keyedHash = createKeyedHash(Buffer.from('of the tests'));
      const hostAt = (milliseconds: number): Throttles =>
        createThrottles({ store: app.storage.throttles, keyedHash, clock: () => after(time.now, milliseconds) });
      const [ahead, behind] = [hostAt(skew), hostAt(0)];
      for (const settle of ['undo', 'uncount', 'extend'] as const) {
        for (const host of [ahead, behind, ahead, behind]) {
          assert.equal((await host.take(PACE, settle)).wait, 0, settle);
          await host[settle](PACE, settle);
        }
      }
      for (let tries = 0; tries < 5; tries++) await ahead.take(PACE, 'ann');
      const { wait } = await behind.peek(PACE, 'ann');
      assert.equal(wait, 2 * MINUTE);
    }));
}

for (const settle of ['forget', 'undo'] as const) {
  test(`of 50 that end at once with ${settle} none leaves anything behind`, () =>
    withThrottles(async ({ throttles }) => {
      await atOnce(50, async () => {
        if ((await throttles.take(PACE, 'ann')).wait === 0) await throttles[settle](PACE, 'ann');
      });
      assert.deepEqual(await throttles.peek(PACE, 'ann'), { tries: 0, wait: 0 });
    }));
}

test('what is held while it is looked at never ends before what is counted meanwhile', () =>
  withThrottles(async ({ throttles, forward }) => {
    const numbered: Pace = { kind: 'forgiven', free: 100, delays: [], kept: 3 * DAY };
    assert.deepEqual(await throttles.extend(numbered, 'ann'), { tries: 0, wait: 0 }, 'nothing is there to be held');
    await throttles.count(numbered, 'ann');
    for (let day = 0; day < 10; day++) {
      assert.deepEqual(await throttles.extend(numbered, 'ann'), { tries: 1, wait: 0 });
      await throttles.take(PACE, 'of this number');
      forward(DAY);
      assert.equal((await throttles.peek(numbered, 'ann')).tries, 1);
    }
    await atOnce(20, () => throttles.extend(numbered, 'ann'));
    forward(3 * DAY - 1);
    assert.equal((await throttles.peek(numbered, 'ann')).tries, 1);
    forward(1);
    assert.equal((await throttles.peek(numbered, 'ann')).tries, 0);
  }));

for (const { name, freshUrl } of testDatabases()) {
  test(`of 100 that are counted at once none is lost (${name})`, () =>
    withThrottles(
      async ({ throttles, again }) => {
        const instances = [throttles, again()];
        await atOnce(100, (index) => instances[index % 2]?.count(PACE, 'ann') ?? assert.fail());
        assert.equal((await throttles.peek(PACE, 'ann')).tries, 100);
      },
      { freshUrl },
    ));
}
