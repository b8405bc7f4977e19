import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeyedQueue } from './keyed-queue.ts';

const FULL = new Error('full');
const queueOf = (fields: { concurrency?: number; waiting?: number; patience?: number } = {}) =>
  createKeyedQueue({ concurrency: 1, waiting: 100, patience: 60_000, ...fields, full: () => FULL });

/** Work that lasts until it is told to end. */
function held<T>(value: T) {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const state = { begun: false };
  const work = async () => {
    state.begun = true;
    await ended;
    return value;
  };
  return { state, work, end: () => end() };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('work of one key runs in order of arrival, one at a time; other keys do not wait', async () => {
  const queue = queueOf();
  const all = ['a', 'b', 'c'].map(held);
  const other = held('other');
  const results = all.map(({ work }) => queue.run('one', work));
  const otherResult = queue.run('two', other.work);
  await settle();
  assert.deepEqual(
    [...all, other].map(({ state }) => state.begun),
    [true, false, false, true],
  );
  other.end();
  assert.equal(await otherResult, 'other');
  for (const [index, { end }] of all.entries()) {
    end();
    assert.equal(await results[index], ['a', 'b', 'c'][index]);
    await settle();
    await settle();
    assert.deepEqual(
      all.map(({ state }) => state.begun),
      all.map((_, i) => i <= index + 1),
    );
  }
});

test('as much runs at a time as is allowed, and never more', async () => {
  const queue = queueOf({ concurrency: 4 });
  let [now, most] = [0, 0];
  const work = async () => {
    now += 1;
    most = Math.max(most, now);
    await settle();
    now -= 1;
  };
  await Promise.all(Array.from({ length: 50 }, () => queue.run('one', work)));
  assert.deepEqual([now, most], [0, 4]);
});

test('work that fails leaves its place to the next', async () => {
  const queue = queueOf();
  const failure = new Error('no');
  const first = queue.run('one', () => Promise.reject(failure));
  const second = queue.run('one', async () => 2);
  await assert.rejects(first, failure);
  assert.equal(await second, 2);
  assert.equal(await queue.run('one', async () => 3), 3);
});

test('whoever finds too many waiting is refused at once, and runs nothing', async () => {
  const queue = queueOf({ waiting: 2 });
  const first = held(1);
  const results = [queue.run('one', first.work), queue.run('one', async () => 2), queue.run('one', async () => 3)];
  let ran = false;
  await assert.rejects(
    queue.run('one', async () => {
      ran = true;
    }),
    FULL,
  );
  first.end();
  assert.deepEqual(await Promise.all(results), [1, 2, 3]);
  assert.equal(ran, false);
});

test('whoever has waited too long is refused; the others keep their places', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const queue = queueOf({ patience: 1000 });
  const first = held(1);
  const running = queue.run('one', first.work);
  const impatient = assert.rejects(
    queue.run('one', async () => 2),
    FULL,
  );
  t.mock.timers.tick(600);
  const later = queue.run('one', async () => 3);
  t.mock.timers.tick(400);
  await impatient;
  first.end();
  assert.deepEqual(await Promise.all([running, later]), [1, 3]);
});

test('work that never waits leaves room for everything else, also where none is waiting when it ends', async () => {
  const queue = queueOf({ concurrency: 4 });
  let done = 0;
  const work = async () => {
    done += 1;
  };
  const results = [];
  // Each ends before the next comes.
  for (let i = 0; i < 20; i += 1) {
    results.push(queue.run('one', work));
    await Promise.resolve().then(() => {});
  }
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
  assert.equal(done, 4);
  await Promise.all(results);
  assert.equal(done, 20);
});

test('a long line of work that never waits leaves room for everything else', async () => {
  const queue = queueOf();
  let done = 0;
  const line = Promise.all(
    Array.from({ length: 50 }, () =>
      queue.run('one', async () => {
        done += 1;
      }),
    ),
  );
  await settle();
  assert.ok(done < 5, `${done} ran before anything else could`);
  await line;
  assert.equal(done, 50);
});
