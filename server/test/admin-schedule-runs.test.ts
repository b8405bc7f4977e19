import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MINUTE } from '../src/platform/clock.ts';
import {
  EVERY_MINUTE,
  faultIn,
  follow,
  GOOD,
  JOB,
  jobs,
  later,
  make,
  NIGHTLY,
  read,
  type Schedule,
} from './admin-schedule-verbs.ts';
import { admin, holder, idOf, type List, walk, withWorld } from './administration.ts';
import { ok } from './client.ts';
import type { World } from './matrix/world.ts';
import { refused } from './scenario.ts';

interface Run {
  kind: string;
  scheduledFor: string | null;
  actor: { id: string } | null;
  jobId: string | null;
  jobState: string | null;
  [field: string]: unknown;
}

describe('the runs of a schedule', () => {
  test('show each tick, what was missed, who asked, and what became of the job', () =>
    withWorld(
      async (w) => {
        const made = await make(w, { args: { fails: true } });
        const path = `/schedules/${made.id}`;
        w.time.forward(MINUTE);
        await follow(w);
        ok(await admin(w, 'PATCH', path, { args: {} }), 200);
        // Events of one millisecond have no order.
        w.time.forward(1);
        const { jobId } = ok<{ jobId: string }>(await admin(w, 'POST', `${path}/run`), 202);
        await follow(w);
        w.time.forward(5 * MINUTE);
        await follow(w);
        const runs = await walk<Run>(w, `${path}/runs`, 1);
        const shown = runs.map(({ kind, scheduledFor, actor, jobState }) => [kind, scheduledFor, actor, jobState]);
        assert.deepEqual(shown, [
          ['missed', later(2 * MINUTE), null, null],
          ['requested', null, { id: await idOf(w) }, 'completed'],
          ['due', later(MINUTE), null, 'failed'],
        ]);
        assert.equal(runs[1]?.jobId, jobId);
        assert.equal(runs[0]?.jobId, null);
        const { lastRunAt, nextRunAt } = await read(w, made.id);
        assert.deepEqual([lastRunAt, nextRunAt], [later(MINUTE), later(7 * MINUTE)]);
        // A job that is forgotten leaves the run.
        ok(await admin(w, 'DELETE', `/jobs/${jobId}`), 204);
        const page = ok<List<Run>>(await admin(w, 'GET', `${path}/runs?page=1&pageSize=2`), 200);
        assert.deepEqual([page.total, page.items.length], [3, 2]);
        assert.deepEqual([page.items[1]?.jobId, page.items[1]?.jobState], [jobId, null]);
      },
      { jobs },
    ));

  test('run with the options of the schedule, also of one that is disabled', () =>
    withWorld(
      async (w) => {
        const { id } = await make(w, { enabled: false, options: { priority: 9, retries: 4 }, args: { name: 'x' } });
        const { jobId } = ok<{ jobId: string }>(await admin(w, 'POST', `/schedules/${id}/run`), 202);
        await follow(w);
        const job = ok<Record<string, unknown>>(await admin(w, 'GET', `/jobs/${jobId}`), 200);
        assert.deepEqual([job.queue, job.priority, job.retries, job.args], [JOB, 9, 4, { name: 'x' }]);
        assert.equal((await read(w, id)).nextRunAt, null);
      },
      { jobs },
    ));
});

describe('a preview', () => {
  const preview = async (w: World, body: object) =>
    ok<{ ticks: string[] }>(await admin(w, 'POST', '/schedules/preview', body), 200).ticks;

  test('shows the next ticks, from now or from a time, and writes nothing', () =>
    withWorld(async (w) => {
      const ten = await preview(w, { timing: EVERY_MINUTE });
      assert.deepEqual(
        ten,
        Array.from({ length: 10 }, (_, i) => later((i + 1) * MINUTE)),
      );
      const from = '2026-03-28T12:00:00+01:00';
      const nights = await preview(w, { timing: NIGHTLY, count: 3, from });
      assert.deepEqual(nights, ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z', '2026-03-31T00:30:00.000Z']);
      const pole = { kind: 'solar', event: 'sunrise', latitude: 90, longitude: 0 };
      assert.deepEqual(await preview(w, { timing: pole }), []);
      assert.deepEqual(await preview(w, { timing: { ...NIGHTLY, expression: '0 0 30 2 *' } }), []);
      assert.equal(
        (await preview(w, { timing: { ...pole, latitude: 52.52, longitude: 13.4 }, count: 100 })).length,
        100,
      );
      const all = await walk<Schedule>(w, '/schedules', 100);
      assert.ok(all.every(({ origin }) => origin === 'code'));
    }));

  test('refuses what is no timing, at its place', () =>
    withWorld(async (w) => {
      const bad: [body: object, path: RegExp][] = [
        [{}, /./],
        [{ timing: { ...NIGHTLY, expression: 'rubbish' } }, /^\/timing\/expression$/],
        [{ timing: { ...NIGHTLY, timeZone: 'Nowhere' } }, /^\/timing\/timeZone$/],
        [{ timing: NIGHTLY, count: 0 }, /^\/count$/],
        [{ timing: NIGHTLY, count: 101 }, /^\/count$/],
        [{ timing: NIGHTLY, from: 'now' }, /^\/from$/],
        [{ timing: NIGHTLY, job: JOB }, /./],
      ];
      for (const [body, path] of bad) {
        assert.match((await faultIn(w, 'POST', '/schedules/preview', body)) ?? 'nowhere', path, JSON.stringify(body));
      }
    }));
});

test('the history says who made, changed, ran and removed a schedule, before and after', () =>
  withWorld(
    async (w) => {
      const who = await holder(w, ['*:/api/v1/admin/schedules', '*:/api/v1/admin/schedules/*']);
      const made = ok<Schedule>(await admin(w, 'POST', '/schedules', GOOD, who.token), 201);
      const path = `/schedules/${made.id}`;
      ok(await admin(w, 'PATCH', path, { name: 'Renamed', enabled: false }, who.token), 200);
      ok(await admin(w, 'POST', `${path}/run`, undefined, who.token), 202);
      ok(await admin(w, 'DELETE', path, undefined, who.token), 204);
      const events = await w.app.storage.events.listForTarget(`schedule:${made.id}`);
      assert.deepEqual(
        events.map(({ type, actorId }) => [type, actorId]),
        ['schedule.created', 'schedule.changed', 'schedule_run.requested', 'schedule.removed'].map((type) => [
          type,
          who.userId,
        ]),
      );
      const [created, changed, , removed] = events.map(({ data }) => data as Record<string, Record<string, unknown>>);
      assert.equal(created?.before, null);
      assert.equal(created?.after?.name, GOOD.name);
      assert.deepEqual(
        [changed?.before, changed?.after],
        [
          { name: GOOD.name, enabled: true },
          { name: 'Renamed', enabled: false },
        ],
      );
      assert.equal(removed?.before?.name, 'Renamed');
      assert.equal(removed?.after, null);
      refused(await admin(w, 'GET', '/jobs', undefined, who.token), 403, 'forbidden');
    },
    { jobs },
  ));
