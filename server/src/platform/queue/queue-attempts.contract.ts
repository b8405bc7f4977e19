import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { makeId } from '../../../test/fixtures.ts';
import { createGate, logged, type OpenCarrier, over, testJob, untilAborted } from '../../../test/queue-world.ts';
import { until } from '../../../test/until.ts';
import { JobAborted, JobGivenUp } from './run-attempt.ts';

/** Every adapter of the queue keeps this: how attempts end, and what may follow. Those that take seconds run side by side. */
export function queueAttemptsContract(open: OpenCarrier): void {
  describe('JobQueue, attempts', { concurrency: true }, () => {
    const on = over(open);
    const whyOf = ({ reason }: AbortSignal) => (reason instanceof JobAborted ? reason.why : null);

    it(
      'arguments that do not fit any more fail at once, and nothing runs',
      on(async (instance) => {
        const ran: unknown[] = [];
        const one = instance(testJob((args) => ran.push(args), { retries: 5 }));
        const { name } = one;
        const job = { id: makeId(), name, args: { n: 'one' }, priority: 0, uniqueKey: null, retries: 5 };
        await one.queue.add({ ...job, createdAt: new Date(), runAt: null, promised: false });
        await one.queue.start();
        const { state, attempts, failure } = await one.ended(job.id);
        assert.deepEqual([state, attempts, ran], ['failed', 1, []]);
        assert.match(failure?.message ?? '', /^The arguments do not fit the schema of the job: .*n/);
      }),
    );

    it(
      'what fails is tried again after a pause, as often as it may be, and then is a dead letter',
      on(async (instance) => {
        const attempts: number[] = [];
        const times: number[] = [];
        const job = testJob(
          (_, { attempt }) => {
            times.push(Date.now());
            attempts.push(attempt);
            throw new RangeError(`attempt ${attempt} is too much`);
          },
          { retries: 5, backoff: { base: 1000, max: 1000 } },
        );
        const one = instance(job);
        await one.queue.start();
        const id = await one.enqueue(1, { retries: 2 });
        const between = await one.reaches(id, 'delayed');
        assert.equal(between.finishedAt, null);
        assert.ok(between.runAt && between.startedAt && between.runAt > between.startedAt);
        assert.match(between.failure?.message ?? '', /^attempt [12] is too much$/);
        const { state, failure, ...ended } = await one.ended(id);
        assert.deepEqual([state, ended.attempts, ended.retries, ended.result], ['failed', 3, 2, null]);
        assert.equal(failure?.message, 'attempt 3 is too much');
        assert.match(failure?.stack ?? '', /^RangeError: attempt 3 is too much\n +at .*queue-attempts\.contract/);
        assert.deepEqual(attempts, [1, 2, 3]);
        // Half of the pause is certain; timers may be early by a millisecond.
        for (const [index, time] of times.slice(1).entries()) assert.ok(time - (times[index] ?? 0) >= 499, `${times}`);
      }),
    );

    it(
      'the log tells when a kind of job begins to fail, when it works again, and what is given up; not every attempt',
      on(async (instance) => {
        const one = instance(
          testJob(
            ({ n }, { attempt }) => {
              if (n === 0) throw new JobGivenUp('of no use');
              if (attempt <= 3) throw new RangeError(`attempt ${attempt} is too much`);
            },
            { retries: 5 },
          ),
        );
        await one.queue.start();
        const id = await one.enqueue(1);
        await one.ended(id);
        const dead = await one.enqueue(0);
        await one.ended(dead);
        const lines = logged.filter((line) => line.includes(one.name)).map((line) => JSON.parse(line));
        assert.deepEqual(
          lines.map(({ msg, err }) => [msg, err?.message, err?.jobId]),
          [
            [`the job ${one.name} fails; it is retried until it works`, 'attempt 1 is too much', id],
            [`the job ${one.name} works again`, undefined, undefined],
            ['a job failed its last attempt', 'of no use', dead],
          ],
        );
      }),
    );

    it(
      'what works in the end is completed',
      on(async (instance) => {
        const job = testJob(
          (_, { attempt }) => {
            if (attempt < 3) throw new Error('not yet');
            return attempt;
          },
          { retries: 2 },
        );
        const one = instance(job);
        await one.queue.start();
        const { state, attempts, result } = await one.ended(await one.enqueue(1));
        assert.deepEqual([state, attempts, result], ['completed', 3, 3]);
      }),
    );

    it(
      'a handler that gives up, and one that throws what is no error, are dead letters',
      on(async (instance) => {
        const job = testJob(
          ({ n }) => {
            throw n === 1 ? new JobGivenUp('no such address') : 'a text';
          },
          { retries: 5 },
        );
        const one = instance(job);
        await one.queue.start();
        const [id, other] = [await one.enqueue(1), await one.enqueue(2, { retries: 0 })];
        const { state, attempts, failure } = await one.ended(id);
        assert.deepEqual([state, attempts, failure?.message], ['failed', 1, 'no such address']);
        assert.match(failure?.stack ?? '', /^JobGivenUp: /);
        assert.equal((await one.ended(other)).failure?.message, 'a text');
      }),
    );

    it(
      'an attempt that takes too long is aborted; it counts as one that failed',
      on(async (instance) => {
        const whys: unknown[] = [];
        const job = testJob((_, { signal }) => untilAborted(signal).finally(() => whys.push(whyOf(signal))), {
          timeout: 50,
          retries: 1,
        });
        const one = instance(job);
        await one.queue.start();
        const { state, attempts, failure } = await one.ended(await one.enqueue(1));
        assert.deepEqual([state, attempts], ['failed', 2]);
        assert.equal(failure?.message, 'The attempt took too long.');
        assert.deepEqual(whys, ['timeout', 'timeout']);
      }),
    );

    it(
      'a handler that does not heed its signal is left behind',
      on(async (instance) => {
        const gate = createGate();
        const went: string[] = [];
        const job = testJob(
          async ({ n }) => {
            if (n === 1) await gate.passed.then(() => went.push('on'));
          },
          { timeout: 50, concurrency: 1 },
        );
        const one = instance(job);
        await one.queue.start();
        const [stuck, next] = [await one.enqueue(1), await one.enqueue(2, { priority: 1 })];
        const { state, startedAt, finishedAt } = await one.ended(stuck);
        assert.equal(state, 'failed');
        assert.ok(Number(finishedAt) - Number(startedAt) >= 5000, 'it has 5 s to end by itself');
        assert.equal((await one.ended(next)).state, 'completed', 'others run');
        assert.deepEqual(went, []);
        gate.open();
        await until('it goes on', () => went.length > 0);
        await pause(50);
        assert.deepEqual([await one.queue.find(stuck).then((job) => job?.state), went], ['failed', ['on']]);
        assert.equal(one.queue.activeHere(), 0);
      }),
    );

    it(
      'progress and lines are shown while it runs, also to others, and stay',
      on(async (instance) => {
        const gate = createGate();
        const job = testJob(async (_, { progress, log }) => {
          progress(40.4);
          log('half way');
          log(`${'x'.repeat(2000)}`);
          await gate.passed;
          progress(1000);
          for (let i = 0; i < 150; i++) log(`line ${i}`);
        });
        const [one, two] = [instance(job), instance(job)];
        await one.queue.start();
        const id = await one.enqueue(1);
        const shown = await until('its progress is shown', async () => {
          const found = await two.queue.find(id);
          return found !== null && found.progress === 40 && found.log.length === 2 ? found : null;
        });
        assert.deepEqual([shown.state, shown.log], ['active', ['half way', 'x'.repeat(1000)]]);
        gate.open();
        const { progress, log } = await two.ended(id);
        assert.equal(progress, 100);
        assert.deepEqual(
          log,
          Array.from({ length: 100 }, (_, i) => `line ${i + 50}`),
        );
      }),
    );

    it(
      'results are kept as JSON; what is none or is too large is not, and says so',
      on(async (instance) => {
        const circle: Record<string, unknown> = {};
        circle.self = circle;
        const results = [new Date(0), undefined, { a: undefined, b: 1 }, 'x'.repeat(65_534)];
        const refused = ['x'.repeat(65_535), 1n, circle, () => 1];
        const all = [...results, ...refused];
        const one = instance(testJob(({ n }) => all[n]));
        await one.queue.start();
        const kept = ['1970-01-01T00:00:00.000Z', null, { b: 1 }, results[3], ...refused.map(() => null)];
        for (const [n, expected] of kept.entries()) {
          const { state, result, log } = await one.ended(await one.enqueue(n));
          assert.deepEqual([state, result], ['completed', expected]);
          assert.equal(log.length, n < results.length ? 0 : 1, `${n}: ${log}`);
        }
      }),
    );
  });
}
