import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOUR, SECOND } from '../src/platform/clock.ts';
import { admin, type List, withWorld } from './administration.ts';
import { NOON } from './app.ts';
import { ok } from './client.ts';
import { makeId } from './fixtures.ts';
import { refused } from './scenario.ts';
import { active, comesTo, createTestJobs, done, type Job, readJob } from './test-jobs.ts';

describe('jobs', () => {
  test('are shown, with what they were given, did and answered', async () => {
    const { jobs } = createTestJobs();
    await withWorld(
      async (w) => {
        const id = await w.app.jobs.enqueue('test.works', { size: 3 }, { priority: 2, retries: 1, unique: 'one' });
        await w.work();
        const at = NOON.toISOString();
        assert.deepEqual(await readJob(w, id), {
          id,
          queue: 'test.works',
          state: 'completed',
          args: { size: 3 },
          priority: 2,
          uniqueKey: 'one',
          ...{ attempts: 1, retries: 1, progress: 50, log: ['half way'], result: { got: { size: 3 } }, failure: null },
          createdAt: at,
          runAt: null,
          startedAt: at,
          finishedAt: at,
        });
        const failed = await readJob(w, await done(w, 'test.breaks'));
        assert.deepEqual([failed.state, failed.attempts, failed.failure?.message], ['failed', 1, 'It is broken.']);
        assert.match(failed.failure?.stack ?? '', /It is broken/);
        const delayed = await readJob(w, await w.app.jobs.enqueue('test.works', {}, { delay: HOUR }));
        assert.deepEqual([delayed.state, delayed.runAt], ['delayed', new Date(NOON.getTime() + HOUR).toISOString()]);
        for (const unknown of [makeId(), 'nothing', '%00', id.toUpperCase()]) {
          refused(await admin(w, 'GET', `/jobs/${unknown}`), 404, 'job_not_found');
        }
      },
      { jobs },
    );
  });

  test('are listed, the latest first, by queue and by state', async () => {
    const { jobs } = createTestJobs();
    await withWorld(
      async (w) => {
        const ids: string[] = [];
        for (const name of ['test.works', 'test.breaks', 'test.works', 'test.breaks', 'test.works']) {
          ids.push(await done(w, name));
          w.time.forward(SECOND);
        }
        const idsOf = async (query: string) =>
          ok<List<Job>>(await admin(w, 'GET', `/jobs?${query}`), 200).items.map(({ id }) => id);
        const ours = (await idsOf('')).filter((id) => ids.includes(id));
        assert.deepEqual(ours, ids.toReversed());
        assert.deepEqual(await idsOf('queue=test.works'), [ids[4], ids[2], ids[0]]);
        assert.deepEqual(await idsOf('state=failed'), [ids[3], ids[1]]);
        assert.deepEqual(await idsOf('queue=test.works&state=failed'), []);
        const page = ok<List<Job>>(await admin(w, 'GET', '/jobs?queue=test.works&page=2&pageSize=2'), 200);
        assert.deepEqual([page.total, page.items.map(({ id }) => id)], [3, [ids[0]]]);
        refused(await admin(w, 'GET', '/jobs?queue=test.unknown'), 404, 'queue_not_found');
        for (const [query, path] of [
          ['state=broken', '/state'],
          ['queue=', '/queue'],
          ['pageSize=101', '/pageSize'],
        ]) {
          const problem = refused(await admin(w, 'GET', `/jobs?${query}`), 400, 'validation_failed');
          assert.deepEqual([problem.errors?.[0]?.in, problem.errors?.[0]?.path], ['query', path]);
        }
        refused(await admin(w, 'GET', '/jobs?name=x'), 400, 'validation_failed');
      },
      { jobs },
    );
  });

  test('that failed or were cancelled are put in line again; no others', async () => {
    const { jobs, state } = createTestJobs();
    await withWorld(
      async (w) => {
        const failed = await done(w, 'test.breaks');
        state.isBroken = false;
        const again = ok<Job>(await admin(w, 'POST', `/jobs/${failed}/retry`), 200);
        assert.ok(['waiting', 'active', 'completed'].includes(again.state), again.state);
        await w.work();
        assert.equal((await readJob(w, failed)).state, 'completed');
        const cancelled = await w.app.jobs.enqueue('test.works', {}, { delay: HOUR });
        ok(await admin(w, 'POST', `/jobs/${cancelled}/cancel`), 200);
        ok(await admin(w, 'POST', `/jobs/${cancelled}/retry`), 200);
        await w.work();
        assert.equal((await readJob(w, cancelled)).state, 'completed');
        const delayed = await w.app.jobs.enqueue('test.works', {}, { delay: HOUR });
        const running = await active(w);
        for (const id of [failed, delayed, running]) {
          const before = await readJob(w, id);
          refused(await admin(w, 'POST', `/jobs/${id}/retry`), 409, 'job_state_conflict');
          assert.deepEqual(await readJob(w, id), before);
        }
        refused(await admin(w, 'POST', `/jobs/${makeId()}/retry`), 404, 'job_not_found');
        ok(await admin(w, 'POST', `/jobs/${running}/cancel`), 200);
      },
      { jobs },
    );
  });

  test('are cancelled: what waits never runs, what runs is stopped, what is over stays', async () => {
    const { jobs } = createTestJobs();
    await withWorld(
      async (w) => {
        const running = await active(w);
        const waiting = await w.app.jobs.enqueue('test.lasts', {});
        const delayed = await w.app.jobs.enqueue('test.works', {}, { delay: 5 * SECOND });
        for (const id of [waiting, delayed]) {
          assert.equal(ok<Job>(await admin(w, 'POST', `/jobs/${id}/cancel`), 200).state, 'cancelled');
        }
        ok(await admin(w, 'POST', `/jobs/${running}/cancel`), 200);
        await comesTo(w, running, 'cancelled');
        w.time.forward(10 * SECOND);
        await w.work();
        assert.deepEqual(
          [(await readJob(w, delayed)).state, (await readJob(w, delayed)).startedAt],
          ['cancelled', null],
        );
        const completed = await done(w, 'test.works');
        for (const id of [running, waiting, completed, await done(w, 'test.breaks')]) {
          refused(await admin(w, 'POST', `/jobs/${id}/cancel`), 409, 'job_state_conflict');
        }
        refused(await admin(w, 'POST', `/jobs/${makeId()}/cancel`), 404, 'job_not_found');
      },
      { jobs },
    );
  });

  test('are forgotten, unless they run', async () => {
    const { jobs } = createTestJobs();
    await withWorld(
      async (w) => {
        const ids = [
          await done(w, 'test.breaks'),
          await done(w, 'test.works'),
          await w.app.jobs.enqueue('test.works', {}, { delay: HOUR }),
        ];
        for (const id of ids) {
          ok(await admin(w, 'DELETE', `/jobs/${id}`), 204);
          refused(await admin(w, 'DELETE', `/jobs/${id}`), 404, 'job_not_found');
        }
        const running = await active(w);
        refused(await admin(w, 'DELETE', `/jobs/${running}`), 409, 'job_state_conflict');
        ok(await admin(w, 'POST', `/jobs/${running}/cancel`), 200);
        await comesTo(w, running, 'cancelled');
        ok(await admin(w, 'DELETE', `/jobs/${running}`), 204);
      },
      { jobs },
    );
  });
});
