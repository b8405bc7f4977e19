import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DAY, MINUTE } from '../src/platform/clock.ts';
import { follow, GOOD, JOB, jobs, later, make, NIGHTLY, read, type Schedule } from './admin-schedule-verbs.ts';
import { admin, holder, type List, withWorld } from './administration.ts';
import { NOON } from './app.ts';
import { ok } from './client.ts';
import { makeEvent } from './fixtures.ts';
import { refused } from './scenario.ts';

const faultsOf = (answer: Parameters<typeof refused>[0]) =>
  (refused(answer, 400, 'validation_failed').errors ?? []).map(({ path, message }) => `${path} ${message}`);

describe('which jobs people may schedule', () => {
  const INTERNAL = ['mail.send', 'users.move-email'];

  test('none that follows from events, whoever asks, nor by a change', () =>
    withWorld(
      async (w) => {
        const who = await holder(w, ['*:/api/v1/admin/schedules', '*:/api/v1/admin/schedules/*']);
        const { id } = await make(w);
        for (const job of INTERNAL) {
          const body = { ...GOOD, name: job, job, args: { eventId: 'x', mail: 'mail', userId: 'x', moveId: 'x' } };
          for (const token of [who.token, w.root]) {
            const [fault = '', ...others] = faultsOf(await admin(w, 'POST', '/schedules', body, token));
            assert.match(fault, /^\/job is not one of: /);
            assert.ok(fault.includes(JOB) && !fault.includes(job), fault);
            assert.deepEqual(others, []);
          }
          faultsOf(await admin(w, 'PATCH', `/schedules/${id}`, { job, args: body.args }));
        }
        const known = w.app.jobs.names();
        for (const job of INTERNAL) assert.ok(known.includes(job));
      },
      { jobs },
    ));

  test('one that was scheduled before it was internal does not run, and can be disabled and deleted', () =>
    withWorld(
      async (w) => {
        const { id } = await make(w);
        const schedules = w.app.storage.schedules;
        const { version } = (await schedules.find(id)) ?? assert.fail();
        const args = { eventId: 'x', mail: 'mail' };
        const former = { job: 'mail.send', args };
        const at = { id, version, now: NOON };
        assert.equal(await schedules.patch(at, former, makeEvent(`schedule:${id}`, { pending: false })), 'ok');
        w.time.forward(MINUTE);
        await follow(w);
        const runs = ok<List<{ kind: string }>>(await admin(w, 'GET', `/schedules/${id}/runs`), 200).items;
        assert.deepEqual(
          runs.map(({ kind }) => kind),
          ['missed'],
        );
        assert.equal(ok<List<unknown>>(await admin(w, 'GET', '/jobs?queue=mail.send'), 200).items.length, 0);
        faultsOf(await admin(w, 'POST', `/schedules/${id}/run`));
        ok(await admin(w, 'PATCH', `/schedules/${id}`, { enabled: false }), 200);
        faultsOf(await admin(w, 'PATCH', `/schedules/${id}`, { enabled: true }));
        ok(await admin(w, 'DELETE', `/schedules/${id}`), 204);
      },
      { jobs },
    ));

  test('schedules of the code run whatever job they name', () =>
    withWorld(
      async (w) => {
        const all = ok<List<Schedule>>(await admin(w, 'GET', '/schedules?pageSize=100'), 200).items;
        const own = all.find(({ origin }) => origin === 'code') ?? assert.fail();
        ok(await admin(w, 'POST', `/schedules/${own.id}/run`), 202);
      },
      { jobs },
    ));
});

describe('a schedule has a next tick', () => {
  const cron = (expression: string) => ({ ...NIGHTLY, expression });
  const POLE = { kind: 'solar', event: 'sunrise', latitude: 90, longitude: 0 };
  const NEVER: [fields: object, fault: string][] = [
    [{ timing: cron('0 0 30 2 *') }, '/timing/expression has no tick in the future'],
    [{ timing: cron('0 0 31 4,6,9,11 *') }, '/timing/expression has no tick in the future'],
    [{ timing: cron('0 0 0 31 2 *') }, '/timing/expression has no tick in the future'],
    [{ timing: POLE }, '/timing has no tick in the future'],
    [{ endAt: later(-DAY) }, '/endAt is before the next tick'],
    [{ endAt: later(MINUTE / 2) }, '/endAt is before the next tick'],
    [{ startAt: later(DAY), endAt: later(DAY), timing: NIGHTLY }, '/endAt is before the next tick'],
  ];

  test('where there is none, creating it is refused, enabled or not, and so is a change', () =>
    withWorld(
      async (w) => {
        const { id } = await make(w);
        const off = await make(w, { name: 'Off', enabled: false });
        for (const [fields, fault] of NEVER) {
          for (const enabled of [true, false]) {
            const body = { ...GOOD, name: 'Never', ...fields, enabled };
            assert.deepEqual(faultsOf(await admin(w, 'POST', '/schedules', body)), [fault], JSON.stringify(fields));
          }
          assert.deepEqual(faultsOf(await admin(w, 'PATCH', `/schedules/${id}`, fields)), [fault]);
          assert.deepEqual(faultsOf(await admin(w, 'PATCH', `/schedules/${off.id}`, { ...fields, enabled: true })), [
            fault,
          ]);
        }
        assert.equal((await read(w, id)).nextRunAt, later(MINUTE));
      },
      { jobs },
    ));

  test('29 February and a start in years are ticks', () =>
    withWorld(
      async (w) => {
        const leap = await make(w, { name: 'Leap', timing: { ...cron('0 0 29 2 *'), timeZone: 'UTC' } });
        assert.equal(leap.nextRunAt, '2028-02-29T00:00:00.000Z');
        const far = await make(w, { name: 'Far', startAt: '2036-01-01T00:00:00.000Z' });
        assert.equal(far.nextRunAt, '2036-01-01T00:00:00.000Z');
      },
      { jobs },
    ));

  test('one that has ended is renamed, disabled and given a new end; enabling it again is refused', () =>
    withWorld(
      async (w) => {
        const { id } = await make(w, { endAt: later(5 * MINUTE) });
        w.time.forward(DAY);
        await follow(w);
        const path = `/schedules/${id}`;
        ok(await admin(w, 'PATCH', path, { name: 'Over' }), 200);
        ok(await admin(w, 'PATCH', path, { enabled: false }), 200);
        assert.deepEqual(faultsOf(await admin(w, 'PATCH', path, { enabled: true })), [
          '/endAt is before the next tick',
        ]);
        ok(await admin(w, 'PATCH', path, { enabled: true, endAt: null }), 200);
      },
      { jobs },
    ));

  test('the faults of a timing are those of the kind that was sent', () =>
    withWorld(
      async (w) => {
        const table: [timing: unknown, faults: string[]][] = [
          [{ kind: 'interval', everySeconds: 0 }, ['/timing/everySeconds This must be 1 or more.']],
          [{ kind: 'cron', expression: '0 3 * * *' }, ['/timing/timeZone This field is required.']],
          [
            { kind: 'solar', event: 'sunset', latitude: 91, longitude: 181 },
            ['/timing/latitude This must be 90 or less.', '/timing/longitude This must be 180 or less.'],
          ],
          [{ kind: 'moon' }, ['/timing/kind This must be one of: interval, cron, solar.']],
          [{ everySeconds: 5 }, ['/timing/kind This field is required.']],
          ['0 3 * * *', ['/timing This must be an object.']],
        ];
        for (const [timing, faults] of table) {
          assert.deepEqual(faultsOf(await admin(w, 'POST', '/schedules', { ...GOOD, timing })), faults);
          assert.deepEqual(faultsOf(await admin(w, 'POST', '/schedules/preview', { timing })), faults);
        }
      },
      { jobs },
    ));
});
