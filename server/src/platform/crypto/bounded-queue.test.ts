import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createBoundedQueue } from './bounded-queue.ts';

const create = (concurrency: number, limit: number) =>
  createBoundedQueue({ concurrency, limit, longestWait: Infinity, expected: 1, full: () => new Error('full') });

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
  const queue = createBoundedQueue({ ...options, longestWait: 600, full: () => new Error('full'), now: () => time });
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

test('takes as many as can have their turn in time, by what tasks took lately', async () => {
  const queue = timed({ concurrency: 2, limit: 1000, expected: 30 });
  assert.equal(await queue.room(), 40, 'before any task ran, by what is expected');
  await queue.work(100, 60);
  assert.equal(await queue.room(), 20);
  await queue.work(100, 10);
  const room = await queue.room();
  assert.ok(room >= 118 && room <= 120, `${room}`);
});

test('tasks that are slower than anybody may wait still have one successor each, quick ones no endless queue', async () => {
  const slow = timed({ concurrency: 3, limit: 1000, expected: 5000 });
  assert.equal(await slow.room(), 3);
  const quick = timed({ concurrency: 3, limit: 50, expected: 1 });
  assert.equal(await quick.room(), 50);
  await quick.work(100, 0);
  assert.equal(await quick.room(), 50);
});
