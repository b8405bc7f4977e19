import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { makeId } from '../../../test/fixtures.ts';
import { createGate, type OpenCarrier, over, testJob, untilAborted } from '../../../test/queue-world.ts';
import { HOUR } from '../clock.ts';
import type { JobRecord } from './queue.ts';
import { queueAttemptsContract } from './queue-attempts.contract.ts';
import { queueCancelsContract } from './queue-cancels.contract.ts';
import { queueViewsContract } from './queue-views.contract.ts';
import { queueWorkersContract } from './queue-workers.contract.ts';

/** Every adapter of the queue keeps this, whichever keeps the jobs: what goes in, in which order it runs, and what is told of it. */
export function queueContract(open: OpenCarrier): void {
  describe('JobQueue, jobs in line', () => {
    const on = over(open);

    it(
      'a job runs once with its arguments, and its result is kept',
      on(async (instance) => {
        const seen: unknown[] = [];
        const one = instance(testJob((args, { id, attempt }) => ({ seen: seen.push([args, id, attempt]) })));
        const earliest = Date.now();
        const id = await one.enqueue(7);
        const { createdAt, ...waiting } = (await one.queue.find(id)) as JobRecord;
        const asked = { id, name: one.name, args: { n: 7 }, priority: 0, uniqueKey: null, retries: 0 };
        const before = { state: 'waiting', attempts: 0, progress: null, log: [], result: null, failure: null };
        assert.deepEqual(waiting, { ...asked, ...before, runAt: null, startedAt: null, finishedAt: null });
        assert.ok(createdAt.getTime() >= earliest && createdAt.getTime() <= Date.now());

        await one.queue.start();
        const { startedAt, finishedAt, ...done } = await one.ended(id);
        const after = { state: 'completed', attempts: 1, result: { seen: 1 } };
        assert.deepEqual(done, { ...asked, ...before, ...after, createdAt, runAt: null });
        assert.ok(startedAt && finishedAt && startedAt >= createdAt && finishedAt >= startedAt);
        assert.deepEqual(seen, [[{ n: 7 }, id, 1]]);
        assert.equal(await one.queue.find(makeId()), null);
      }),
    );

    it(
      'arguments and results are kept as they are',
      on(async (instance) => {
        const seen: unknown[] = [];
        const one = instance(
          testJob(({ more }) => {
            seen.push(more);
            return more;
          }),
        );
        const values = [null, false, 0, -0.5, [], {}, { deep: [{ er: [null] }] }, HOSTILE_TEXTS];
        for (const more of values) {
          const id = await one.jobs.enqueue(one.name, { n: 1, more });
          assert.deepEqual((await one.queue.find(id))?.args, { n: 1, more });
          assert.equal(await one.queue.drain(), 1);
          assert.deepEqual((await one.queue.find(id))?.result, more);
        }
        assert.deepEqual(seen, values);
      }),
    );

    it(
      'arguments are checked when it is enqueued: nothing is kept',
      on(async (instance) => {
        const one = instance(testJob(() => null));
        for (const args of [null, {}, { n: '1' }, { n: 1.5 }]) {
          await assert.rejects(one.jobs.enqueue(one.name, args), TypeError);
        }
        assert.equal(await one.queue.count({ name: one.name }, 10), 0);
      }),
    );

    it(
      'a delayed job runs when its time has come, and not before',
      on(async (instance) => {
        const one = instance(testJob(() => null));
        await one.queue.start();
        const soon = await one.enqueue(1, { delay: 400 });
        const late = await one.enqueue(2, { delay: HOUR });
        const { runAt, createdAt } = (await one.queue.find(late)) as JobRecord;
        assert.equal(runAt?.getTime(), createdAt.getTime() + HOUR);
        const due = (await one.queue.find(soon))?.runAt;
        const { startedAt } = await one.ended(soon);
        assert.ok(due && startedAt && startedAt >= due);
        assert.equal((await one.queue.find(late))?.state, 'delayed');
      }),
    );

    it(
      'the lower its priority number, the sooner; then who waits longer',
      on(async (instance) => {
        const ran: number[] = [];
        const one = instance(testJob(({ n }) => ran.push(n), { concurrency: 1 }));
        const priorities = [2, 1, 1000, 0, 1, 0, 2, 0];
        for (const [n, priority] of priorities.entries()) {
          await one.enqueue(n, { priority });
          await pause(2);
        }
        await one.queue.drain();
        assert.deepEqual(ran, [3, 5, 7, 1, 4, 0, 6, 2]);
      }),
    );

    it(
      'one key, one run: also of 50 at once, from two processes, and after its end',
      on(async (instance) => {
        const ran: string[] = [];
        const job = testJob(({ n }, { id }) => {
          ran.push(id);
          if (n < 0) throw new Error('no');
        });
        const [one, two] = [instance(job), instance(job)];
        await Promise.all([one.queue.start(), two.queue.start()]);
        for (const n of [1, -1]) {
          const key = `key ${n}: {}*`;
          const enqueue = (by: number) => (by % 2 ? one : two).enqueue(n, { key });
          const ids = await Promise.all(Array.from({ length: 50 }, (_, by) => enqueue(by)));
          const id = one.jobs.idOf(one.name, key);
          assert.deepEqual([...new Set(ids)], [id]);
          await one.ended(id);
          assert.equal(await two.enqueue(n, { key }), id);
          assert.deepEqual([(await one.ended(id)).attempts, ran.length], [1, n === 1 ? 1 : 2]);
        }
        const gone = await one.enqueue(3, { key: 'cancelled', delay: HOUR });
        assert.equal(await one.queue.cancel(gone), true);
        assert.equal(await two.enqueue(3, { key: 'cancelled' }), gone);
        const last = await one.enqueue(2, { key: 'another' });
        await one.ended(last);
        assert.deepEqual(ran, [one.jobs.idOf(one.name, 'key 1: {}*'), one.jobs.idOf(one.name, 'key -1: {}*'), last]);
        assert.equal((await one.queue.find(gone))?.state, 'cancelled');
        assert.equal(await one.queue.count({ name: one.name }, 100), 4);
      }),
    );

    it(
      'one unique key: the same job while it waits or runs, a new one after its end',
      on(async (instance) => {
        const gates = new Map<number, ReturnType<typeof createGate>>();
        const job = testJob(async ({ n }, { signal }) => {
          await Promise.race([gates.get(n)?.passed, untilAborted(signal)]);
          if (n === 2) throw new Error('no');
        });
        const [one, two] = [instance(job), instance(job)];
        const unique = 'one: {at} a time*';
        const enqueue = (n: number, delay = 0) => (n % 2 ? one : two).enqueue(n, { unique, delay });
        let id = '';
        for (const n of [1, 2, 3]) {
          const gate = createGate();
          gates.set(n, gate);
          const ids = await Promise.all(Array.from({ length: 50 }, () => enqueue(n)));
          assert.equal(new Set(ids).size, 1, 'while it waits');
          assert.ok(!ids.includes(id));
          id = ids[0] ?? '';
          assert.equal((await two.queue.find(id))?.uniqueKey, unique);
          if (n === 1) await one.queue.start();
          await one.reaches(id, 'active');
          assert.equal(await enqueue(4), id, 'while it runs');
          if (n === 3) assert.equal(await two.queue.cancel(id), true);
          else gate.open();
          assert.equal((await one.ended(id)).state, ['completed', 'failed', 'cancelled'][n - 1]);
        }
        const delayed = await enqueue(5, HOUR);
        assert.notEqual(delayed, id);
        assert.equal(await enqueue(6), delayed, 'while it is delayed');
        assert.equal(await one.queue.cancel(delayed), true);
        const next = await enqueue(7, HOUR);
        assert.notEqual(next, delayed);
        assert.equal(await one.queue.remove(next), true);
        assert.ok(![next, delayed].includes(await enqueue(8, HOUR)), 'what was removed makes room');
      }),
    );
  });

  queueViewsContract(open);
  queueAttemptsContract(open);
  queueCancelsContract(open);
  queueWorkersContract(open);
}
