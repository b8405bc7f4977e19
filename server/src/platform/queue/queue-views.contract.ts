import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createGate, type OpenCarrier, over, testJob } from '../../../test/queue-world.ts';
import { until } from '../../../test/until.ts';
import { HOUR } from '../clock.ts';
import { JOB_STATES, type JobRecord, type JobState } from './queue.ts';

/** Every adapter of the queue keeps this: what is told of jobs and queues, and what is forgotten. */
export function queueViewsContract(open: OpenCarrier): void {
  describe('JobQueue, views', () => {
    const on = over(open);

    it(
      'lists, counts and filters; the latest first, page by page',
      on(async (instance) => {
        const one = instance(testJob(({ n }) => (n < 0 ? Promise.reject(new Error('no')) : n)));
        const ids: string[] = [];
        const add = async (n: number, delay = 0) => {
          ids.unshift(await one.enqueue(n, { delay }));
          await pause(2);
        };
        for (const n of [1, -1, 2, -2, 3]) await add(n);
        await one.queue.drain();
        await one.queue.pause(one.name);
        for (const n of [4, 5]) await add(n);
        for (const n of [6, 7, 8, 9]) await add(n, HOUR);
        await one.queue.cancel(ids[0] ?? '');
        const name = one.name;
        const states: Record<JobState, number> = {
          waiting: 2,
          delayed: 3,
          active: 0,
          completed: 3,
          failed: 2,
          cancelled: 1,
        };
        const all = await one.queue.list({ name }, { skip: 0, limit: 50 });
        assert.deepEqual(
          all.map(({ id }) => id),
          ids,
        );
        for (const [index, job] of all.entries()) assert.deepEqual(job, await one.queue.find(ids[index] ?? ''));
        for (const page of [0, 3, 6, 9, 12]) {
          const part = await one.queue.list({ name }, { skip: page, limit: 3 });
          assert.deepEqual(part, all.slice(page, page + 3));
        }
        for (const state of JOB_STATES) {
          const some = all.filter((job) => job.state === state);
          assert.equal(some.length, states[state], state);
          assert.deepEqual(await one.queue.list({ name, state }, { skip: 0, limit: 50 }), some);
          assert.deepEqual(await one.queue.list({ name, state }, { skip: 1, limit: 1 }), some.slice(1, 2));
          assert.equal(await one.queue.count({ name, state }, 50), some.length);
          const everywhere = await one.queue.list({ state }, { skip: 0, limit: 500 });
          assert.ok(everywhere.every((job) => job.state === state));
          assert.deepEqual(
            everywhere.filter((job) => job.name === name),
            some,
          );
          assert.ok((await one.queue.count({ state }, 5000)) >= some.length);
        }
        assert.equal(await one.queue.count({ name }, 50), 11);
        assert.equal(await one.queue.count({ name }, 4), 4, 'no further than asked');
        const other = instance(testJob(() => null));
        assert.deepEqual(await other.queue.list({ name: other.name }, { skip: 0, limit: 50 }), []);
        assert.equal(await other.queue.count({ name: other.name }, 50), 0);
      }),
    );

    it(
      'status: how many, how fast, how long, and since when the first in line waits',
      on(async (instance) => {
        const one = instance(
          testJob(async ({ n }) => {
            await pause(Math.abs(n));
            if (n < 0) throw new Error('no');
          }),
        );
        const none = { waiting: 0, delayed: 0, active: 0, completed: 0, failed: 0, cancelled: 0 };
        assert.deepEqual(await one.queue.status(one.name), {
          name: one.name,
          paused: false,
          counts: none,
          durations: null,
          oldestWaitingAt: null,
          throughput: { lastMinute: 0, lastHour: 0, failedLastHour: 0 },
        });
        for (const n of [20, 20, 60, -1, -1]) await one.enqueue(n);
        await one.queue.drain();
        await one.queue.pause(one.name);
        const first = await one.enqueue(1, { priority: 5 });
        await pause(5);
        const others = [await one.enqueue(2), await one.enqueue(3)];
        await one.enqueue(4, { delay: HOUR });
        const { durations, ...status } = await one.queue.status(one.name);
        const { createdAt: oldestWaitingAt } = (await one.queue.find(first)) as JobRecord;
        assert.deepEqual(status, {
          name: one.name,
          paused: true,
          oldestWaitingAt,
          counts: { ...none, waiting: 3, delayed: 1, completed: 3, failed: 2 },
          throughput: { lastMinute: 3, lastHour: 3, failedLastHour: 2 },
        });
        const done = await one.queue.list({ name: one.name, state: 'completed' }, { skip: 0, limit: 9 });
        const took = done.map(({ startedAt, finishedAt }) => Number(finishedAt) - Number(startedAt));
        const average = Math.round(took.reduce((sum, one) => sum + one, 0) / 3);
        assert.deepEqual(durations, { average, p95: Math.max(...took) });
        assert.ok(durations.average >= 30 && durations.p95 >= 58, `${took}`);

        await one.queue.remove(first);
        const left = await Promise.all(others.map((id) => one.queue.find(id)));
        const oldest = Math.min(...left.map((job) => Number(job?.createdAt)));
        assert.equal(Number((await one.queue.status(one.name)).oldestWaitingAt), oldest);
      }),
    );

    it(
      'what is not active can be removed; what was removed never runs',
      on(async (instance) => {
        const ran: number[] = [];
        const gate = createGate();
        const one = instance(
          testJob(async ({ n }) => {
            ran.push(n);
            if (n === 2) throw new Error('no');
            if (n === 3) await gate.passed;
          }),
        );
        const [completed, failed] = [await one.enqueue(1), await one.enqueue(2)];
        await one.queue.drain();
        await one.queue.pause(one.name);
        const cancelled = await one.enqueue(4);
        await one.queue.cancel(cancelled);
        const others = [
          await one.enqueue(5),
          await one.enqueue(6, { priority: 5 }),
          await one.enqueue(7, { delay: 300 }),
        ];
        for (const id of [completed, failed, cancelled, ...others]) {
          assert.equal(await one.queue.remove(id), true);
          assert.equal(await one.queue.find(id), null);
          assert.equal(await one.queue.remove(id), false);
        }
        await one.queue.resume(one.name);
        await one.queue.start();
        const active = await one.enqueue(3);
        await one.reaches(active, 'active');
        await until('it runs', () => ran.includes(3));
        assert.equal(await one.queue.remove(active), false);
        assert.equal((await one.queue.find(active))?.state, 'active');
        await pause(400);
        gate.open();
        assert.equal((await one.ended(active)).state, 'completed');
        assert.deepEqual(ran.toSorted(), [1, 2, 3]);
        assert.equal(await one.queue.count({ name: one.name }, 10), 1);
      }),
    );
  });
}
