import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import {
  createGate,
  type Instance,
  type OpenCarrier,
  over,
  testJob,
  untilAborted,
  withInstances,
} from '../../../test/queue-world.ts';
import { runningTime } from '../../../test/running-time.ts';
import { until } from '../../../test/until.ts';
import { HOUR } from '../clock.ts';

/**
 * Milliseconds of running time in which a job begins at the latest, as the median of 20: the poll comes every 500, and so would begin it
 * after 250.
 */
const AT_ONCE = 150;

/** Every adapter of the queue keeps this: how processes take jobs, side by side, and how they stop. */
export function queueWorkersContract(open: OpenCarrier): void {
  describe('JobQueue, workers', () => {
    const on = over(open);

    it(
      'no more run at a time than the definition says',
      on(async (instance) => {
        let [now, most, ran] = [0, 0, 0];
        const job = testJob(
          async ({ n }) => {
            most = Math.max(most, ++now);
            await pause(n % 7);
            now--;
            ran++;
          },
          { concurrency: 3 },
        );
        const one = instance(job);
        await Promise.all(Array.from({ length: 30 }, (_, n) => one.enqueue(n)));
        await one.queue.start();
        await Promise.all(Array.from({ length: 30 }, (_, n) => one.enqueue(n)));
        await until('all ran', () => ran === 60);
        assert.equal(most, 3);
        await until('none is under way', () => one.queue.activeHere() === 0);
      }),
    );

    it(
      'two processes share 200 jobs: each runs once',
      on(async (instance) => {
        const ran = new Map<number, number>();
        const job = testJob(async ({ n }) => {
          ran.set(n, (ran.get(n) ?? 0) + 1);
          await pause(n % 5);
          return n;
        });
        const all = [instance(job), instance(job)];
        const [one] = all as [Instance];
        const add = (from: number) => Promise.all(Array.from({ length: 100 }, (_, n) => all[n % 2]?.enqueue(from + n)));
        await add(0);
        await Promise.all(all.map(({ queue }) => queue.start()));
        await add(100);
        await until('all ended', async () => (await one.queue.status(one.name)).counts.completed === 200);
        assert.equal(ran.size, 200);
        assert.deepEqual(
          [...ran].filter(([, times]) => times > 1),
          [],
        );
        const ended = await one.queue.list({ name: one.name, state: 'completed' }, { skip: 0, limit: 300 });
        assert.ok(ended.length === 200 && ended.every(({ attempts }) => attempts === 1));
      }),
    );

    it('what is put in line begins at once', (t) =>
      withInstances(open, async (instance) => {
        const begun: number[] = [];
        const one = instance(testJob(() => begun.push(runningTime())));
        await one.queue.start();
        await one.ended(await one.enqueue(0));
        begun.length = 0;
        const waits: number[] = [];
        for (let n = 0; n < 20; n++) {
          // At every phase of a poll.
          await pause(25);
          const asked = runningTime();
          await one.enqueue(n);
          await until('it began', () => begun.length > n);
          waits.push((begun[n] ?? 0) - asked);
        }
        const median = waits.toSorted((a, b) => a - b)[10] ?? 0;
        t.diagnostic(`a job begins ${median.toFixed(1)} ms after it was asked for (median of 20)`);
        assert.ok(median < AT_ONCE, `${median} ms`);
      }));

    it(
      'what another process puts in line begins, too',
      on(async (instance) => {
        const job = testJob(() => 'done');
        const [one, two] = [instance(job), instance(job)];
        await one.queue.start();
        assert.equal((await two.ended(await two.enqueue(1))).result, 'done');
        assert.equal((await two.ended(await two.enqueue(1, { delay: 100 }))).result, 'done');
      }),
    );

    it(
      'a paused queue begins nothing in any process, until it is resumed',
      on(async (instance) => {
        const ran: number[] = [];
        const job = testJob(({ n }) => ran.push(n));
        const all = [instance(job), instance(job)] as [Instance, Instance];
        const [one, two] = all;
        await Promise.all(all.map(({ queue }) => queue.start()));
        await one.ended(await one.enqueue(0));
        await one.queue.pause(one.name);
        await one.queue.pause(one.name);
        const ids = [await one.enqueue(1), await two.enqueue(2, { priority: 1 }), await two.enqueue(3, { delay: 50 })];
        // Longer than the poll.
        await pause(700);
        assert.deepEqual(ran, [0]);
        for (const { queue, name } of all) {
          const { paused, counts } = await queue.status(name);
          assert.deepEqual([paused, counts.waiting + counts.delayed], [true, 3]);
        }
        assert.equal((await one.queue.find(ids[0] ?? ''))?.state, 'waiting');
        await two.queue.resume(two.name);
        for (const id of ids) assert.equal((await one.ended(id)).state, 'completed');
        for (const { queue, name } of all) assert.equal((await queue.status(name)).paused, false);
        assert.deepEqual(ran.toSorted(), [0, 1, 2, 3]);
      }),
    );

    it(
      'drain runs what is due, and what follows at once, and says how many attempts ended',
      on(async (instance) => {
        const ran: number[] = [];
        const job = testJob(async ({ n }) => {
          ran.push(n);
          if (n > 0) await one.enqueue(n - 1);
        });
        const one = instance(job);
        assert.equal(await one.queue.drain(), 0);
        await one.enqueue(3);
        const late = await one.enqueue(9, { delay: HOUR });
        assert.equal(await one.queue.drain(), 4);
        assert.deepEqual(ran, [3, 2, 1, 0]);
        assert.equal(await one.queue.drain(), 0);
        assert.equal((await one.queue.find(late))?.state, 'delayed');
      }),
    );

    it(
      'stop waits for what runs, and takes nothing more',
      on(async (instance) => {
        const gate = createGate();
        const job = testJob(async ({ n }) => (n === 1 ? gate.passed : null), { concurrency: 1 });
        const one = instance(job);
        await one.queue.start();
        const [running, waiting] = [await one.enqueue(1), await one.enqueue(2, { priority: 1 })];
        await one.reaches(running, 'active');
        let stopped = false;
        const stop = one.queue.stop(HOUR).then(() => {
          stopped = true;
        });
        await pause(100);
        assert.equal(stopped, false);
        gate.open();
        await stop;
        const two = instance(job);
        assert.equal((await two.queue.find(running))?.state, 'completed');
        assert.equal((await two.queue.find(waiting))?.state, 'waiting');
      }),
    );

    it(
      'stop gives back what is not done in time: another process runs it, and no attempt is counted',
      on(async (instance) => {
        const seen: unknown[] = [];
        const name = testJob(() => null).name;
        const slow = testJob(
          async (_, { attempt, signal, log }) => {
            seen.push(['slow', attempt]);
            log('begun');
            await untilAborted(signal);
          },
          { name },
        );
        const quick = testJob((_, { attempt }) => seen.push(['quick', attempt]), { name });
        const one = instance(slow);
        await one.queue.start();
        const id = await one.enqueue(1, { unique: 'u', priority: 3 });
        await until('it runs', () => seen.length > 0);
        const began = performance.now();
        await one.queue.stop(100);
        assert.ok(performance.now() - began >= 99, 'it had its grace');
        const two = instance(quick);
        const back = await two.queue.find(id);
        assert.deepEqual([back?.state, back?.attempts, back?.failure], ['waiting', 0, null]);
        assert.equal(await two.enqueue(1, { unique: 'u' }), id, 'its unique key is still taken');
        await two.queue.start();
        const { state, attempts } = await two.ended(id);
        assert.deepEqual([state, attempts], ['completed', 1]);
        assert.deepEqual(seen, [
          ['slow', 1],
          ['quick', 1],
        ]);
      }),
    );
  });
}
