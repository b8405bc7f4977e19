import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOUR, SECOND } from '../src/platform/clock.ts';
import { admin, holder, withWorld } from './administration.ts';
import { NOON } from './app.ts';
import { ok } from './client.ts';
import type { World } from './matrix/world.ts';
import { refused } from './scenario.ts';
import { active, createTestJobs, done, readJob } from './test-jobs.ts';

interface Queues {
  items: {
    name: string;
    paused: boolean;
    counts: Record<string, number>;
    throughput: Record<string, number>;
    durations: { averageMs: number; p95Ms: number } | null;
    oldestWaitingAt: string | null;
    [field: string]: unknown;
  }[];
  workers: { id: string; pid: number; active: number; queues: string[]; seenAt: string; [field: string]: unknown }[];
}

async function queueOf(w: World, name: string): Promise<Queues['items'][number]> {
  const { items } = ok<Queues>(await admin(w, 'GET', '/queues'), 200);
  return items.find((queue) => queue.name === name) ?? assert.fail(`there is a queue ${name}`);
}

/** The history of a target: what, and by whom. */
const history = async (w: World, target: string) =>
  (await w.app.storage.events.listForTarget(target)).map(({ type, actorId }) => [type, actorId]);

describe('queues', () => {
  test('show how much there is, how fast it goes, and what was defined', async () => {
    const { jobs } = createTestJobs();
    await withWorld(
      async (w) => {
        const none = { waiting: 0, delayed: 0, active: 0, completed: 0, failed: 0, cancelled: 0 };
        assert.deepEqual(await queueOf(w, 'test.lasts'), {
          name: 'test.lasts',
          paused: false,
          counts: none,
          durations: null,
          oldestWaitingAt: null,
          throughput: { lastMinute: 0, lastHour: 0, failedLastHour: 0 },
          concurrency: 1,
          retries: 5,
          timeoutMs: 60_000,
        });
        for (const name of ['test.works', 'test.works', 'test.breaks']) await done(w, name);
        const cancelled = await w.app.jobs.enqueue('test.works', {}, { delay: HOUR });
        ok(await admin(w, 'POST', `/jobs/${cancelled}/cancel`), 200);
        await w.app.jobs.enqueue('test.works', {}, { delay: HOUR });
        const works = await queueOf(w, 'test.works');
        assert.deepEqual(works.counts, { ...none, completed: 2, delayed: 1, cancelled: 1 });
        assert.deepEqual(works.throughput, { lastMinute: 2, lastHour: 2, failedLastHour: 0 });
        assert.deepEqual(works.durations, { averageMs: 0, p95Ms: 0 });
        const breaks = await queueOf(w, 'test.breaks');
        assert.deepEqual([breaks.counts.failed, breaks.throughput.failedLastHour, breaks.retries], [1, 1, 0]);
        const running = await active(w);
        w.time.forward(SECOND);
        await w.app.jobs.enqueue('test.lasts', {});
        w.time.forward(SECOND);
        const lasts = await queueOf(w, 'test.lasts');
        assert.deepEqual(lasts.counts, { ...none, active: 1, waiting: 1 });
        assert.equal(lasts.oldestWaitingAt, new Date(NOON.getTime() + SECOND).toISOString());
        ok(await admin(w, 'POST', `/jobs/${running}/cancel`), 200);
        const { items, workers } = ok<Queues>(await admin(w, 'GET', '/queues'), 200);
        const names = items.map(({ name }) => name);
        assert.deepEqual(names, [...w.app.jobs.names()].sort());
        assert.equal(workers.length, 1);
        assert.equal(workers[0]?.pid, process.pid);
        assert.deepEqual([...(workers[0]?.queues ?? [])].sort(), names);
      },
      { jobs },
    );
  });

  test('are paused: what is put in waits; resumed, it runs', async () => {
    const { jobs } = createTestJobs();
    await withWorld(
      async (w) => {
        ok(await admin(w, 'POST', '/queues/test.works/pause'), 204);
        ok(await admin(w, 'POST', '/queues/test.works/pause'), 204);
        const id = await w.app.jobs.enqueue('test.works', {});
        await w.work();
        assert.equal((await readJob(w, id)).state, 'waiting');
        const { paused, counts } = await queueOf(w, 'test.works');
        assert.deepEqual([paused, counts.waiting], [true, 1]);
        // Its neighbours go on.
        assert.equal((await readJob(w, await done(w, 'test.breaks'))).state, 'failed');
        ok(await admin(w, 'POST', '/queues/test.works/resume'), 204);
        await w.work();
        assert.equal((await readJob(w, id)).state, 'completed');
        assert.equal((await queueOf(w, 'test.works')).paused, false);
        for (const verb of ['pause', 'resume']) {
          for (const name of ['test.unknown', '%00', '__proto__']) {
            refused(await admin(w, 'POST', `/queues/${name}/${verb}`), 404, 'queue_not_found');
          }
        }
      },
      { jobs },
    );
  });
});

test('the history says who did what to which job and queue, and nothing of what was refused', async () => {
  const { jobs } = createTestJobs();
  await withWorld(
    async (w) => {
      const who = await holder(w, ['*:/api/v1/admin/jobs/*', '*:/api/v1/admin/queues/*']);
      const act = (method: 'POST' | 'DELETE', path: string) => admin(w, method, path, undefined, who.token);
      const failed = await done(w, 'test.breaks');
      refused(await act('POST', `/jobs/${failed}/cancel`), 409, 'job_state_conflict');
      ok(await act('POST', `/jobs/${failed}/retry`), 200);
      await w.work();
      ok(await act('DELETE', `/jobs/${failed}`), 204);
      const delayed = await w.app.jobs.enqueue('test.works', {}, { delay: HOUR });
      ok(await act('POST', `/jobs/${delayed}/cancel`), 200);
      for (const verb of ['pause', 'resume', 'pause']) ok(await act('POST', `/queues/test.works/${verb}`), 204);
      const by = (types: string[]) => types.map((type) => [type, who.userId]);
      assert.deepEqual(await history(w, `job:${failed}`), by(['job.retried', 'job.removed']));
      assert.deepEqual(await history(w, `job:${delayed}`), by(['job.cancelled']));
      assert.deepEqual(await history(w, 'queue:test.works'), by(['queue.paused', 'queue.resumed', 'queue.paused']));
      const [event] = await w.app.storage.events.listForTarget(`job:${delayed}`);
      assert.deepEqual(event?.data, { queue: 'test.works' });
      // Who may act on jobs may not see the list of them.
      refused(await admin(w, 'GET', '/jobs', undefined, who.token), 403, 'forbidden');
    },
    { jobs },
  );
});
