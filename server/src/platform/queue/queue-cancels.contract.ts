import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { makeId } from '../../../test/fixtures.ts';
import { type OpenCarrier, over, testJob, untilAborted } from '../../../test/queue-world.ts';
import { HOUR } from '../clock.ts';
import { JobAborted } from './run-attempt.ts';

/** Every adapter of the queue keeps this: how jobs are cancelled and put in line again. */
export function queueCancelsContract(open: OpenCarrier): void {
  describe('JobQueue, cancel and retry', { concurrency: true }, () => {
    const on = over(open);
    const whyOf = ({ reason }: AbortSignal) => (reason instanceof JobAborted ? reason.why : null);

    it(
      'what waits or is delayed can be cancelled, and never runs',
      on(async (instance) => {
        const ran: number[] = [];
        const job = testJob(({ n }) => ran.push(n));
        const [one, two] = [instance(job), instance(job)];
        const ids = [
          await one.enqueue(1),
          await one.enqueue(2, { priority: 3 }),
          await one.enqueue(3, { delay: 200 }),
          await one.enqueue(4, { delay: HOUR }),
        ];
        for (const [index, id] of ids.entries()) {
          assert.equal(await (index % 2 ? one : two).queue.cancel(id), true);
          const { state, attempts, runAt, finishedAt, args } = await two.ended(id);
          assert.deepEqual([state, attempts, runAt, args], ['cancelled', 0, null, { n: index + 1 }]);
          assert.ok(finishedAt);
          assert.equal(await one.queue.cancel(id), false, 'it has ended');
        }
        await Promise.all([one.queue.start(), two.queue.start()]);
        const done = await one.enqueue(5);
        await one.ended(done);
        await pause(300);
        assert.deepEqual(ran, [5]);
        assert.equal(await one.queue.cancel(done), false);
        assert.equal(await one.queue.cancel(makeId()), false);
        assert.equal(await one.queue.retry(makeId()), false);
      }),
    );

    for (const where of ['the same', 'another'] as const) {
      it(
        `what runs is told when ${where} process cancels it, and is not tried again`,
        on(async (instance) => {
          const whys: unknown[] = [];
          const job = testJob(
            async ({ n }, { signal }) => {
              const [error] = await Promise.allSettled([untilAborted(signal)]);
              whys.push(whyOf(signal));
              if (n === 2) throw new Error('what it makes of it');
              if (n === 3) return 'done all the same';
              throw error.status === 'rejected' ? error.reason : null;
            },
            { retries: 5 },
          );
          const one = instance(job);
          const other = where === 'another' ? instance(job) : one;
          await one.queue.start();
          const ids = [await one.enqueue(1), await one.enqueue(2), await one.enqueue(3)];
          for (const id of ids) {
            await one.reaches(id, 'active');
            assert.equal(await other.queue.cancel(id), true);
          }
          const [first, second, third] = await Promise.all(ids.map((id) => other.ended(id)));
          assert.deepEqual([first?.state, second?.state, third?.state], ['cancelled', 'cancelled', 'completed']);
          assert.equal(third?.result, 'done all the same');
          assert.deepEqual([first?.attempts, first?.failure?.message], [1, 'The job was cancelled.']);
          await pause(600);
          assert.deepEqual(whys, ['cancelled', 'cancelled', 'cancelled']);
          assert.equal((await one.queue.find(ids[0] ?? ''))?.state, 'cancelled');
          assert.equal(one.queue.activeHere(), 0);
        }),
      );
    }

    it(
      'failed and cancelled jobs can be put in line again, with all their attempts',
      on(async (instance) => {
        const attempts: unknown[] = [];
        let works = false;
        const job = testJob(
          ({ n }, { attempt }) => {
            attempts.push([n, attempt]);
            if (!works) throw new Error('no');
            return 'at last';
          },
          { retries: 1 },
        );
        const one = instance(job);
        await one.queue.start();
        const failed = await one.enqueue(1, { priority: 2, unique: 'u' });
        assert.equal((await one.ended(failed)).attempts, 2);
        assert.equal(await one.queue.retry(failed), true);
        assert.equal((await one.ended(failed)).attempts, 2);
        assert.deepEqual(attempts.splice(0), [
          [1, 1],
          [1, 2],
          [1, 1],
          [1, 2],
        ]);

        const cancelled = await one.enqueue(2, { delay: HOUR, unique: 'u' });
        assert.equal(await one.queue.retry(cancelled), false, 'it has not ended');
        assert.equal(await one.queue.retry(failed), false, 'another has its unique key');
        assert.equal((await one.queue.find(failed))?.state, 'failed');
        assert.equal(await one.queue.cancel(cancelled), true);
        works = true;
        for (const id of [failed, cancelled]) {
          assert.equal(await one.queue.retry(id), true);
          const { state, attempts: count, result, priority, uniqueKey } = await one.ended(id);
          assert.deepEqual([state, count, result], ['completed', 1, 'at last']);
          assert.deepEqual([priority, uniqueKey], [id === failed ? 2 : 0, 'u']);
          assert.equal(await one.queue.retry(id), false, 'it is completed');
        }
        assert.deepEqual(attempts, [
          [1, 1],
          [2, 1],
        ]);
        assert.equal(await one.queue.count({ name: one.name }, 10), 2);
      }),
    );

    it(
      'what was cancelled while it ran can be put in line again, and runs to its end',
      on(async (instance) => {
        let stays = true;
        const one = instance(testJob((_, { signal }) => (stays ? untilAborted(signal) : 'done')));
        await one.queue.start();
        const id = await one.enqueue(1);
        await one.reaches(id, 'active');
        await one.queue.cancel(id);
        await one.reaches(id, 'cancelled');
        stays = false;
        assert.equal(await one.queue.retry(id), true);
        const { state, result, attempts } = await one.reaches(id, 'completed');
        assert.deepEqual([state, result, attempts], ['completed', 'done', 1]);
        assert.equal(await one.queue.count({ name: one.name, state: 'cancelled' }, 10), 0);
      }),
    );

    it(
      'of many who put a job in line again at once, one does',
      on(async (instance) => {
        const job = testJob(({ n }) => {
          if (n === 1) throw new Error('no');
        });
        const [one, two] = [instance(job), instance(job)];
        const failed = await one.enqueue(1);
        await one.queue.drain();
        await one.queue.pause(one.name);
        const cancelled = await one.enqueue(2);
        await one.queue.cancel(cancelled);
        for (const id of [failed, cancelled]) {
          const tries = Array.from({ length: 20 }, (_, by) => (by % 2 ? one : two).queue.retry(id));
          const won = (await Promise.all(tries)).filter(Boolean);
          assert.equal(won.length, 1);
          assert.equal((await one.queue.find(id))?.state, 'waiting');
        }
      }),
    );
  });
}
