import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOUR, MINUTE, SECOND } from '../src/platform/clock.ts';
import {
  EVERY_MINUTE,
  faultIn,
  follow,
  GOOD,
  jobs,
  later,
  make,
  NIGHTLY,
  read,
  type Schedule,
} from './admin-schedule-verbs.ts';
import { admin, walk, withWorld } from './administration.ts';
import { NOON } from './app.ts';
import { ok } from './client.ts';
import { makeId } from './fixtures.ts';
import { refused } from './scenario.ts';

describe('schedules', () => {
  test('are made, read, changed, listed, deleted', () =>
    withWorld(
      async (w) => {
        const made = await make(w);
        const [start, end] = [later(HOUR), later(24 * HOUR)];
        const expected = {
          ...GOOD,
          id: made.id,
          args: {},
          options: { priority: 0, retries: null },
          missed: 'skip',
          enabled: true,
          startAt: null,
          endAt: null,
          origin: 'admin',
          nextRunAt: later(MINUTE),
          lastRunAt: null,
          createdAt: NOON.toISOString(),
          updatedAt: NOON.toISOString(),
          version: 1,
        };
        assert.deepEqual(made, expected);
        assert.deepEqual(await read(w, made.id), made);
        w.time.forward(SECOND);
        const body = {
          name: 'Nightly',
          args: { name: 'a' },
          timing: NIGHTLY,
          options: { priority: 3 },
          missed: 'runOnce',
          startAt: start,
          endAt: end,
        };
        const changed = ok<Schedule>(await admin(w, 'PATCH', `/schedules/${made.id}`, body), 200);
        assert.deepEqual(changed, {
          ...made,
          ...body,
          options: { priority: 3, retries: null },
          nextRunAt: '2026-11-21T01:30:00.000Z',
          updatedAt: later(SECOND),
          version: 2,
        });
        const off = await admin(w, 'PATCH', `/schedules/${made.id}`, { enabled: false, options: { retries: 2 } });
        const disabled = {
          ...changed,
          version: 3,
          enabled: false,
          options: { priority: 3, retries: 2 },
          nextRunAt: null,
        };
        assert.deepEqual(ok<Schedule>(off, 200), disabled);
        const listed = await walk<Schedule>(w, '/schedules', 3);
        const names = listed.map(({ name }) => name);
        assert.deepEqual(names, [...names].sort());
        assert.deepEqual(
          listed.filter(({ origin }) => origin === 'admin'),
          [disabled],
        );
        ok(await admin(w, 'DELETE', `/schedules/${made.id}`), 204);
        await make(w, { name: 'Nightly' });
      },
      { jobs },
    ));

  test('that nobody has are not found', () =>
    withWorld(
      async (w) => {
        const { id } = await make(w);
        ok(await admin(w, 'DELETE', `/schedules/${id}`), 204);
        for (const gone of [id, makeId(), 'nothing', '%00']) {
          const path = `/schedules/${gone}`;
          for (const method of ['GET', 'DELETE'] as const)
            refused(await admin(w, method, path), 404, 'schedule_not_found');
          refused(await admin(w, 'PATCH', path, { enabled: false }), 404, 'schedule_not_found');
          refused(await admin(w, 'POST', `${path}/run`), 404, 'schedule_not_found');
          refused(await admin(w, 'GET', `${path}/runs`), 404, 'schedule_not_found');
        }
      },
      { jobs },
    ));

  test('have names of their own', () =>
    withWorld(
      async (w) => {
        await make(w);
        refused(await admin(w, 'POST', '/schedules', GOOD), 409, 'schedule_name_taken');
        const other = await make(w, { name: 'Another' });
        const path = `/schedules/${other.id}`;
        refused(await admin(w, 'PATCH', path, { name: GOOD.name }), 409, 'schedule_name_taken');
        refused(await admin(w, 'PATCH', path, { name: 'purge.jobs' }), 409, 'schedule_name_taken');
        assert.deepEqual(await read(w, other.id), other);
      },
      { jobs },
    ));

  test('of the code can be switched off and on and run, and nothing else', () =>
    withWorld(async (w) => {
      const all = await walk<Schedule>(w, '/schedules', 100);
      const purge = all.find(({ name }) => name === 'purge.challenges') ?? assert.fail();
      const path = `/schedules/${purge.id}`;
      for (const body of [{ name: 'x' }, { timing: EVERY_MINUTE }, { enabled: false, missed: 'skip' }, { args: {} }]) {
        refused(await admin(w, 'PATCH', path, body), 409, 'schedule_in_code');
      }
      refused(await admin(w, 'DELETE', path), 409, 'schedule_in_code');
      const off = ok<Schedule>(await admin(w, 'PATCH', path, { enabled: false }), 200);
      assert.deepEqual([off.enabled, off.nextRunAt], [false, null]);
      const { jobId } = ok<{ jobId: string }>(await admin(w, 'POST', `${path}/run`), 202);
      await follow(w);
      assert.equal(ok<{ state: string }>(await admin(w, 'GET', `/jobs/${jobId}`), 200).state, 'completed');
      const on = ok<Schedule>(await admin(w, 'PATCH', path, { enabled: true }), 200);
      assert.deepEqual([on.enabled, on.nextRunAt], [true, purge.nextRunAt]);
    }));

  test('are refused where they do not fit, with the place of the fault', () =>
    withWorld(
      async (w) => {
        const timing = (fields: object) => ({ timing: { ...NIGHTLY, ...fields } });
        const bad: [fields: object, path: string | RegExp][] = [
          [{ name: '' }, '/name'],
          [{ name: 'a'.repeat(81) }, '/name'],
          [{ name: 'two\nlines' }, '/name'],
          [{ job: 'test.unknown' }, '/job'],
          [{ job: '' }, '/job'],
          [{ args: { name: 5 } }, '/args/name'],
          [{ args: 'text' }, '/args'],
          [{ args: null }, '/args'],
          [{ args: { name: 'x'.repeat(70_000) } }, '/args'],
          [{ missed: 'always' }, '/missed'],
          [{ enabled: 'yes' }, '/enabled'],
          [{ options: { priority: -1 } }, '/options/priority'],
          [{ options: { priority: 1001 } }, '/options/priority'],
          [{ options: { retries: 1.5 } }, '/options/retries'],
          [{ options: { delay: 5 } }, /^\/options/],
          [{ startAt: 'tomorrow' }, '/startAt'],
          [{ endAt: 5 }, '/endAt'],
          [{ startAt: '0000-01-01T00:00:00Z' }, '/startAt'],
          [{ endAt: '9999-12-31T23:59:59-23:59' }, '/endAt'],
          [{ endAt: '2026-12-31T23:59:60Z' }, '/endAt'],
          [{ startAt: later(HOUR), endAt: later(0) }, '/endAt'],
          [{ timing: { kind: 'interval', everySeconds: 0 } }, /^\/timing/],
          [{ timing: { kind: 'interval', everySeconds: 1.5 } }, /^\/timing/],
          [{ timing: { kind: 'interval', everySeconds: 315_360_001 } }, /^\/timing/],
          [{ timing: { kind: 'moon' } }, /^\/timing/],
          [{ timing: { kind: 'solar', event: 'sunrise', latitude: 91, longitude: 0 } }, /^\/timing/],
          [{ timing: { kind: 'solar', event: 'dusk', latitude: 0, longitude: 0 } }, /^\/timing/],
          [timing({ expression: '@daily' }), '/timing/expression'],
          [timing({ expression: '61 * * * *' }), '/timing/expression'],
          [timing({ timeZone: 'Mars/Phobos' }), '/timing/timeZone'],
          [timing({ more: 1 }), /^\/timing/],
          [{ origin: 'code' }, /./],
          [{ nextRunAt: later(HOUR) }, /./],
        ];
        const { id } = await make(w, { name: 'There before' });
        const before = await read(w, id);
        for (const [fields, path] of bad) {
          const posted = await faultIn(w, 'POST', '/schedules', { ...GOOD, ...fields });
          const patched = await faultIn(w, 'PATCH', `/schedules/${id}`, fields);
          for (const at of [posted, patched]) {
            if (typeof path === 'string') assert.equal(at, path, JSON.stringify(fields).slice(0, 100));
            else assert.match(at ?? 'nowhere', path, JSON.stringify(fields).slice(0, 100));
          }
        }
        for (const missing of ['name', 'job', 'timing']) {
          await faultIn(w, 'POST', '/schedules', { ...GOOD, [missing]: undefined });
        }
        await faultIn(w, 'PATCH', `/schedules/${id}`, {});
        assert.deepEqual(await read(w, id), before);
        assert.equal((await walk<Schedule>(w, '/schedules', 100)).filter(({ origin }) => origin === 'admin').length, 1);
      },
      { jobs },
    ));

  test('take no secrets: what they run with is kept and shown', () =>
    withWorld(
      async (w) => {
        const { id } = await make(w);
        for (const args of [{ password: 'walks the dog' }, { deep: [{ apiKey: 'k' }] }, { refresh_token: 't' }]) {
          assert.equal(await faultIn(w, 'POST', '/schedules', { ...GOOD, name: 'Other', args }), '/args');
          assert.equal(await faultIn(w, 'PATCH', `/schedules/${id}`, { args }), '/args');
        }
        ok(await admin(w, 'PATCH', `/schedules/${id}`, { args: { tokenId: 'an id is none' } }), 200);
      },
      { jobs },
    ));
});
