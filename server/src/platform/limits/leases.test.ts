import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { createLeases, type Take } from './leases.ts';

const RATE = { name: 'tries', points: 100, duration: 60 };
const CHUNK = 5;
const WINDOW = RATE.duration * 1000;

/** A clock that moves by hand, for `performance.now`, which the leases and their cache read. */
function standStill(t: TestContext): { pass(milliseconds: number): void; now(): number } {
  let now = 1_000_000;
  t.mock.method(performance, 'now', () => now);
  return {
    pass(milliseconds) {
      now += milliseconds;
    },
    now: () => now,
  };
}

/** A counter that several processes share, as Redis keeps it: a window begins with its first point. */
function createShared(time: { now(): number }) {
  const windows = new Map<string, { used: number; endsAt: number }>();
  let asked = 0;
  let isAway = false;
  const take: Take = async (key, amount) => {
    asked += 1;
    await null;
    if (isAway) return null;
    const held = windows.get(key);
    const window = held && held.endsAt > time.now() ? held : { used: 0, endsAt: time.now() + WINDOW };
    windows.set(key, window);
    window.used += amount;
    const granted = Math.min(amount, Math.max(0, RATE.points - (window.used - amount)));
    return { granted, used: window.used, resetIn: window.endsAt - time.now() };
  };
  return {
    take,
    asked: () => asked,
    away(so: boolean) {
      isAway = so;
    },
  };
}

const isAdmitted = (count: { isOver: boolean } | null) => count !== null && !count.isOver;

describe('leases', () => {
  test('one process uses every point, and asks once for each chunk', async (t) => {
    const time = standStill(t);
    const shared = createShared(time);
    const leases = createLeases(RATE, CHUNK, shared.take);
    let admitted = 0;
    for (let i = 0; i < 150; i++) if (isAdmitted(await leases.add('ann'))) admitted += 1;
    assert.equal(admitted, RATE.points);
    const chunks = RATE.points / CHUNK;
    // Once a chunk, and for each request that comes when there are none left.
    assert.ok(shared.asked() <= chunks + 51, `${shared.asked()} questions`);
  });

  test('most requests wait for nothing', async (t) => {
    const shared = createShared(standStill(t));
    const leases = createLeases(RATE, CHUNK, shared.take);
    let waited = 0;
    for (let i = 0; i < RATE.points; i++) {
      const count = leases.add('ann');
      if (count instanceof Promise) waited += 1;
      await count;
      // Lets what was asked for arrive.
      await null;
      await null;
      await null;
    }
    assert.equal(waited, 1, 'only the first');
  });

  test('of a crowd at once in three processes no more are admitted than there are points, and at most a chunk each is left over', async (t) => {
    const shared = createShared(standStill(t));
    const processes = Array.from({ length: 3 }, () => createLeases(RATE, CHUNK, shared.take));
    const counts = await Promise.all(
      Array.from({ length: 300 }, (_, i) => processes[i % 3]?.add('ann') ?? assert.fail()),
    );
    const admitted = counts.filter(isAdmitted).length;
    assert.ok(admitted <= RATE.points && admitted > RATE.points - 3 * CHUNK, `${admitted} admitted`);
  });

  test('what is left is never told too high, and a window ends with its points', async (t) => {
    const time = standStill(t);
    const shared = createShared(time);
    const [one, two] = [createLeases(RATE, CHUNK, shared.take), createLeases(RATE, CHUNK, shared.take)];
    for (let i = 0; i < 7; i++) await two.add('ann');
    const first = (await one.add('ann')) ?? assert.fail();
    assert.ok(first.left <= RATE.points - 8, `${first.left} left`);
    assert.equal(first.left + first.used, RATE.points);
    time.pass(WINDOW);
    let admitted = 0;
    for (let i = 0; i < 150; i++) if (isAdmitted(await one.add('ann'))) admitted += 1;
    assert.equal(admitted, RATE.points, 'points of the former window are gone, those of this one are all there');
  });

  test('any order of requests, pauses and outages on three processes: never more than the rate in one window', async (t) => {
    const time = standStill(t);
    const step = fc.oneof(
      { weight: 20, arbitrary: fc.record({ process: fc.nat(2), crowd: fc.integer({ min: 1, max: 12 }) }) },
      { weight: 2, arbitrary: fc.record({ pause: fc.integer({ min: 1, max: WINDOW }) }) },
      { weight: 1, arbitrary: fc.record({ away: fc.boolean() }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 120 }), async (steps) => {
        const shared = createShared(time);
        const processes = Array.from({ length: 3 }, () => createLeases(RATE, CHUNK, shared.take));
        const admittedAt: number[] = [];
        for (const each of steps) {
          if ('pause' in each) time.pass(each.pause);
          else if ('away' in each) shared.away(each.away);
          else {
            const leases = processes[each.process] ?? assert.fail();
            const counts = await Promise.all(Array.from({ length: each.crowd }, () => leases.add('ann')));
            for (const count of counts) if (isAdmitted(count)) admittedAt.push(time.now());
          }
        }
        // Fixed windows: within any window's length, at most two of them are touched.
        for (const [i, at] of admittedAt.entries()) {
          const within = admittedAt.slice(i).filter((other) => other < at + WINDOW).length;
          assert.ok(within <= 2 * RATE.points, `${within} within one length`);
        }
        assert.ok(admittedAt.length <= RATE.points * windowsOf(admittedAt), `${admittedAt.length} in all`);
      }),
      { numRuns: 200, seed: 13 },
    );
  });

  test('a lease goes on while Redis is away, then nothing is told', async (t) => {
    const shared = createShared(standStill(t));
    const leases = createLeases(RATE, CHUNK, shared.take);
    await leases.add('ann');
    shared.away(true);
    const counts = [];
    for (let i = 0; i < CHUNK; i++) counts.push(await leases.add('ann'));
    assert.deepEqual(counts.map(isAdmitted), [true, true, true, true, false]);
    assert.equal(counts.at(-1), null);
  });
});

/** The least number of windows in which this was admitted: each begins with an admission after the former has ended. */
function windowsOf(times: readonly number[]): number {
  let windows = 0;
  let endsAt = Number.NEGATIVE_INFINITY;
  for (const at of times) {
    if (at < endsAt) continue;
    windows += 1;
    endsAt = at + WINDOW;
  }
  return windows;
}
