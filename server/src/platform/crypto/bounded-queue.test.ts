import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createBoundedQueue } from './bounded-queue.ts';

const create = (concurrency: number, limit: number) =>
  createBoundedQueue({ concurrency, limit, longestAnswer: Infinity, expected: 1, full: () => new Error('full') });

/** A task that says when it began and ends when it is told to. */
function manual(log: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const task = () => {
    log.push(name);
    return promise;
  };
  return { task, finish: () => resolve(name), fail: () => reject(new Error(name)) };
}

test('runs as many as it may, the others in the order of their arrival, and refuses beyond', async () => {
  const queue = create(2, 2);
  const log: string[] = [];
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => manual(log, name));
  assert.ok(a && b && c && d);
  const runs = [a, b, c, d].map(({ task }) => queue.run(task));
  assert.deepEqual(queue.stats(), { active: 2, queued: 2 });
  await assert.rejects(
    queue.run(() => assert.fail('must not run')),
    { message: 'full' },
  );
  assert.deepEqual(log, ['a', 'b']);
  b.finish();
  await turn();
  assert.deepEqual(log, ['a', 'b', 'c']);
  assert.deepEqual(queue.stats(), { active: 2, queued: 1 });
  a.finish();
  c.finish();
  d.finish();
  assert.deepEqual(await Promise.all(runs), ['a', 'b', 'c', 'd']);
  assert.deepEqual(queue.stats(), { active: 0, queued: 0 });
});

test('a task that fails, or throws before it awaits, gives its place back', async () => {
  const queue = create(1, 1);
  const first = manual([], 'first');
  const failing = queue.run(first.task);
  const waiting = queue.run(() => {
    throw new Error('second');
  });
  first.fail();
  await assert.rejects(failing, { message: 'first' });
  await assert.rejects(waiting, { message: 'second' });
  assert.deepEqual(queue.stats(), { active: 0, queued: 0 });
  assert.equal(await queue.run(async () => 'third'), 'third');
});

test('a newcomer does not slip in between a finishing task and the one that waits', async () => {
  const queue = create(1, 8);
  const order: number[] = [];
  let most = 0;
  const one = (n: number) =>
    queue.run(async () => {
      most = Math.max(most, queue.stats().active);
      order.push(n);
      await turn();
    });
  const first = one(1).then(() => one(3));
  await Promise.all([first, one(2)]);
  assert.deepEqual(order, [1, 2, 3]);
  assert.equal(most, 1);
});

/** A queue whose tasks take as long as they are told to; `room`: how many more it takes while one runs in each place. */
function timed(options: { concurrency: number; limit: number; expected: number }) {
  let time = 0;
  const queue = createBoundedQueue({ ...options, longestAnswer: 600, full: () => new Error('full'), now: () => time });
  return {
    async work(count: number, milliseconds: number) {
      for (let index = 0; index < count; index++) {
        await queue.run(async () => {
          time += milliseconds;
        });
      }
    },
    async room() {
      const { promise, resolve } = Promise.withResolvers<void>();
      const runs: Promise<void>[] = [];
      while (!queue.isFull()) runs.push(queue.run(() => promise));
      await assert.rejects(
        queue.run(() => promise),
        { message: 'full' },
      );
      const { active, queued } = queue.stats();
      assert.equal(active + queued, queue.room());
      resolve();
      await Promise.all(runs);
      return queued;
    },
  };
}

test('takes as many as end in time, by what tasks took lately', async () => {
  const queue = timed({ concurrency: 2, limit: 1000, expected: 30 });
  assert.equal(await queue.room(), 38, 'before any task ran, by what is expected');
  await queue.work(100, 60);
  assert.equal(await queue.room(), 18);
  await queue.work(100, 10);
  const room = await queue.room();
  assert.ok(room >= 116 && room <= 118, `${room}`);
});

test('tasks that are slower than anybody may wait still have one successor each, quick ones no endless queue', async () => {
  const slow = timed({ concurrency: 3, limit: 1000, expected: 5000 });
  assert.equal(await slow.room(), 3);
  const quick = timed({ concurrency: 3, limit: 50, expected: 1 });
  assert.equal(await quick.room(), 50);
  await quick.work(100, 0);
  assert.equal(await quick.room(), 50);
});

/** What became of a caller: when it came, and how long its answer or its refusal took; in milliseconds. */
interface Outcome {
  arrived: number;
  took: number;
  isServed: boolean;
  retryAfter: number;
}

/** Two slow cores, whose hashes take `milliseconds` each, and callers at these times; each comes again as `again` says. */
async function simulate(options: {
  milliseconds: number;
  arrivals: number[];
  again?: (outcome: Outcome) => number | null;
  until?: number;
}): Promise<Outcome[]> {
  const { milliseconds, arrivals, again = () => null, until = Infinity } = options;
  let time = 0;
  const agenda: { at: number; act: () => void }[] = [];
  const later = (at: number, act: () => void) => {
    const place = agenda.findIndex((entry) => entry.at > at);
    agenda.splice(place < 0 ? agenda.length : place, 0, { at, act });
  };
  const queue = createBoundedQueue({
    concurrency: 2,
    limit: 1000,
    longestAnswer: 850,
    longestBurst: 3000,
    expected: milliseconds,
    full: () => new Error('full'),
    now: () => time,
    random: seeded(),
  });
  const outcomes: Outcome[] = [];

  function call(arrived: number): void {
    const end = (isServed: boolean) => {
      const retryAfter = isServed ? 0 : queue.retryAfter();
      const outcome = { arrived, took: time - arrived, isServed, retryAfter };
      outcomes.push(outcome);
      const next = again(outcome);
      if (next !== null && time + next <= until) later(time + next, () => call(time));
    };
    queue
      .run(() => new Promise<void>((resolve) => later(time + milliseconds, resolve)))
      .then(
        () => end(true),
        () => end(false),
      );
  }

  for (const at of arrivals) later(at, () => call(at));
  for (let next = agenda.shift(); next; next = agenda.shift()) {
    time = next.at;
    next.act();
    await turn();
  }
  return outcomes;
}

/** The same numbers each time (a linear congruential generator). */
function seeded(): () => number {
  let state = 1;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

const times = (count: number, every: number) => Array.from({ length: count }, (_, i) => i * every);
const served = (outcomes: Outcome[]) => outcomes.filter(({ isServed }) => isServed);
const longest = (outcomes: Outcome[]) => Math.max(...outcomes.map(({ took }) => took));

test('sixty who come within a second at nine o’clock are all served, within 3 s', async () => {
  for (const every of [0, 5, 15]) {
    const outcomes = await simulate({ milliseconds: 90, arrivals: times(60, every) });
    assert.equal(served(outcomes).length, 60);
    assert.ok(longest(outcomes) <= 3000);
  }
});

test('eight at once on a machine that needs half a second for each are all served', async () => {
  const outcomes = await simulate({ milliseconds: 500, arrivals: times(8, 0) });
  assert.equal(served(outcomes).length, 8);
});

test('sixteen who come again as soon as they are served are all served, as fast as hashing allows', async () => {
  const until = 60_000;
  const outcomes = await simulate({ milliseconds: 105, arrivals: times(16, 0), again: () => 0, until });
  assert.equal(served(outcomes).length, outcomes.length);
  assert.ok(served(outcomes).length >= 0.9 * (until / 105) * 2);
  assert.ok(longest(outcomes) <= 1000);
});

test('of four times as many as can be served, as many are served as can, 99 of 100 of them within a second; the others hear it at once', async () => {
  const capacity = 2 / 50;
  const arrivals = times(60 * 160, 1 / (4 * capacity));
  const outcomes = await simulate({ milliseconds: 50, arrivals });
  const waits = served(outcomes)
    .map(({ took }) => took)
    .sort((a, b) => a - b);
  assert.ok((waits[Math.floor(waits.length * 0.99)] ?? Infinity) <= 1000);
  assert.ok(longest(served(outcomes)) <= 1500, String(longest(served(outcomes))));
  assert.equal(longest(outcomes.filter(({ isServed }) => !isServed)), 0);
  assert.ok(served(outcomes).length >= 0.95 * capacity * (arrivals.at(-1) ?? 0));
});

test('whoever is refused and comes back as told is served: retries do not become the storm', async () => {
  const outcomes = await simulate({
    milliseconds: 50,
    arrivals: times(400, 1),
    again: ({ isServed, retryAfter }) => (isServed ? null : retryAfter * 1000),
  });
  assert.equal(served(outcomes).length, 400);
  const refusals = outcomes.filter(({ isServed }) => !isServed);
  assert.ok(refusals.length <= 2 * 400, `${refusals.length} refusals`);
  assert.ok(new Set(refusals.map(({ retryAfter }) => retryAfter)).size >= 5, 'they are spread');
  assert.ok(refusals.every(({ retryAfter }) => retryAfter >= 1 && retryAfter <= 10));
});
