import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Type } from 'typebox';
import type { EventRecord } from '../src/modules/events/event-store.ts';
import type { ScheduleRecord, Timing } from '../src/modules/schedules/schedule-store.ts';
import { after, DAY, HOUR, MINUTE, SECOND } from '../src/platform/clock.ts';
import { defineJob } from '../src/platform/queue/define-job.ts';
import { admin } from './administration.ts';
import { NOON } from './app.ts';
import { ok } from './client.ts';
import { type DatabaseName, testDatabases } from './databases.ts';
import { makeEvent } from './fixtures.ts';
import { atOnce } from './scenario.ts';
import { assertOneJobEach, cron, every, JOB, times, withPair } from './schedule-pair.ts';

/** Simulated; the long tests take ten minutes. */
const LONG_SPAN = Number(process.env.SCHEDULE_MINUTES || 4) * MINUTE;
/** Simulated time. Two instances in one process wait long for each other's locks on SQLite. */
const SPAN: Record<DatabaseName, number> = {
  sqlite: 1 * MINUTE,
  postgres: LONG_SPAN,
  mysql: LONG_SPAN,
  mongodb: LONG_SPAN,
};

for (const { name, freshUrl } of testDatabases()) {
  describe(`schedules on two instances (${name})`, () => {
    test('every tick of every schedule is one event and one job, whoever looks when', () =>
      withPair(freshUrl, async (pair) => {
        const { here, there } = pair;
        const endAt = after(NOON, SPAN[name]);
        const plan: [timing: Timing, step: number][] = [
          [every(1), SECOND],
          [every(7), 7 * SECOND],
          [cron('*/5 * * * * *'), 5 * SECOND],
          [cron('* * * * *'), MINUTE],
        ];
        const made: [schedule: ScheduleRecord, step: number][] = [];
        for (const [timing, step] of plan) {
          made.push([await pair.create({ timing, endAt, nextRunAt: after(NOON, step) }), step]);
        }
        for (let second = 1; second * SECOND <= SPAN[name]; second++) {
          here.time.now = after(NOON, second * SECOND);
          // Now and then nobody looks for some seconds.
          if (second % 40 > 34) continue;
          // The other clock is behind, by up to three seconds; sometimes only one of them looks.
          there.time.now = after(here.time.now, -(second % 4) * 999);
          const looks = [here, there].filter((_, i) => second % 5 !== i).map(({ app }) => app.scheduler.tick());
          await Promise.all(looks);
          if (second % 10 === 0) await Promise.all([here.work(), there.app.relay.deliverDue()]);
        }
        there.time.now = here.time.now;
        pair.forward(30 * SECOND);
        await pair.work();
        const all: EventRecord[] = [];
        for (const [schedule, step] of made) {
          assert.deepEqual(await pair.ticks(schedule), times(NOON, step, endAt), JSON.stringify(schedule.timing));
          const runs = await pair.runs(schedule);
          assert.ok(runs.every(({ type, data }) => type === 'schedule_run.due' && data.late === false));
          assert.equal((await pair.read(schedule)).nextRunAt, null);
          all.push(...runs);
        }
        await assertOneJobEach(pair, all);
      }));

    test('a change made here is followed there; what is disabled stops', () =>
      withPair(freshUrl, async (pair) => {
        const { here, there } = pair;
        await here.app.scheduler.stop();
        const schedule = await pair.create({ timing: every(3600), nextRunAt: after(NOON, HOUR) });
        const path = `/schedules/${schedule.id}`;
        ok(await admin(here, 'PATCH', path, { timing: every(5) }), 200);
        pair.forward(5 * SECOND);
        await there.app.scheduler.tick();
        assert.deepEqual(await pair.ticks(schedule), times(NOON, 5 * SECOND, here.time.now));
        ok(await admin(here, 'PATCH', path, { enabled: false }), 200);
        assert.equal((await pair.read(schedule)).nextRunAt, null);
        pair.forward(MINUTE);
        await there.app.scheduler.tick();
        assert.equal((await pair.ticks(schedule)).length, 1);
        ok(await admin(here, 'PATCH', path, { enabled: true }), 200);
        pair.forward(5 * SECOND);
        await there.app.scheduler.tick();
        assert.deepEqual((await pair.ticks(schedule)).at(-1), here.time.now.toISOString());
        ok(await admin(here, 'DELETE', path), 204);
        pair.forward(MINUTE);
        await there.app.scheduler.tick();
        assert.equal((await pair.ticks(schedule)).length, 2);
        await pair.work();
        await assertOneJobEach(pair, await pair.runs(schedule));
      }));

    test('a change that has nothing to do with the times takes no tick away', () =>
      withPair(freshUrl, async (pair) => {
        const { here, there } = pair;
        for (const { app } of [here, there]) await app.scheduler.stop();
        const schedule = await pair.create({ timing: every(60), nextRunAt: after(NOON, MINUTE) });
        pair.forward(MINUTE);
        ok(await admin(here, 'PATCH', `/schedules/${schedule.id}`, { options: { priority: 3 } }), 200);
        ok(await admin(here, 'POST', `/schedules/${schedule.id}/run`), 202);
        assert.deepEqual((await pair.read(schedule)).nextRunAt, here.time.now);
        const third = await pair.more();
        await third.app.scheduler.tick();
        assert.deepEqual(await pair.ticks(schedule), [here.time.now.toISOString()]);
      }));

    test('ticks that nobody was there for: nothing, or one run for all of them; within a minute, each', () =>
      withPair(freshUrl, async (pair) => {
        for (const [late, isMissed] of [
          [MINUTE, false],
          [MINUTE + 1, true],
          [5 * HOUR, true],
        ] as const) {
          const { here } = pair;
          const due = after(here.time.now, 1);
          const fields = { timing: every(7200), createdAt: after(due, -7200 * SECOND), nextRunAt: due };
          const skips = await pair.create({ ...fields, missed: 'skip' });
          const runs = await pair.create({ ...fields, missed: 'runOnce' });
          pair.forward(1 + late);
          await pair.work();
          const told = async (schedule: ScheduleRecord) =>
            (await pair.runs(schedule)).map(({ type, data }) => [type, data.scheduledFor, data.late]);
          const tick = due.toISOString();
          const [ran, missed] = [
            ['schedule_run.due', tick, isMissed],
            ['schedule_run.missed', tick, undefined],
          ];
          assert.deepEqual(await told(skips), [isMissed ? missed : ran]);
          assert.deepEqual(await told(runs), [ran]);
          for (const schedule of [skips, runs]) {
            const { nextRunAt, lastRunAt } = await pair.read(schedule);
            // The next one of the same row, not one from now on.
            assert.deepEqual(nextRunAt, after(due, Math.floor(late / (7200 * SECOND) + 1) * 7200 * SECOND));
            assert.deepEqual(lastRunAt, isMissed && schedule === skips ? null : due);
          }
          const jobs = [...(await pair.runs(skips)), ...(await pair.runs(runs))].filter(({ data }) => data.job === JOB);
          assert.equal(jobs.length, isMissed ? 1 : 2);
          for (const { id } of jobs) assert.ok(await here.app.queue.find(here.app.jobs.idOf(JOB, id)));
        }
      }));

    test('a clock that was days ahead and is put right costs no more than what it skipped', () =>
      withPair(freshUrl, async (pair) => {
        const { here } = pair;
        const schedule = await pair.create({ timing: every(3600), nextRunAt: after(NOON, HOUR), missed: 'runOnce' });
        pair.forward(3 * DAY + MINUTE);
        await pair.work();
        assert.deepEqual((await pair.read(schedule)).nextRunAt, after(NOON, 3 * DAY + HOUR));
        pair.forward(-3 * DAY);
        await pair.work();
        assert.deepEqual((await pair.read(schedule)).nextRunAt, after(NOON, HOUR));
        const resets = (await here.app.storage.events.listForTarget(`schedule:${schedule.id}`)).filter(
          ({ type }) => type === 'schedule.reset',
        );
        assert.equal(resets.length, 1);
        // Its first tick ran under the wrong clock already, late; from here on each comes once.
        for (let minute = 0; minute < 130; minute += 10) {
          pair.forward(10 * MINUTE);
          await pair.work();
        }
        assert.deepEqual((await pair.ticks(schedule)).slice(1), times(NOON, HOUR, here.time.now));
        await assertOneJobEach(pair, await pair.runs(schedule));
      }));

    test('what was written by an instance that died then is delivered by the other one', () =>
      withPair(freshUrl, async (pair) => {
        const { here, there } = pair;
        await there.app.scheduler.stop();
        await here.app.relay.stop();
        const schedule = await pair.create({ timing: every(60), nextRunAt: after(NOON, MINUTE) });
        pair.forward(MINUTE);
        await here.app.scheduler.tick();
        const [run = assert.fail()] = await pair.runs(schedule);
        await there.work();
        await assertOneJobEach(pair, [run]);
      }));

    test('what a relay claimed before it died is delivered once its claim has run out', () =>
      withPair(freshUrl, async (pair) => {
        const { here, there } = pair;
        for (const { app } of [here, there]) await Promise.all([app.scheduler.stop(), app.relay.stop()]);
        const schedule = await pair.create({ timing: every(60), nextRunAt: NOON });
        const { events, schedules } = here.app.storage;
        const { id } = schedule;
        const data = { scheduledFor: NOON.toISOString(), job: JOB, args: {}, options: schedule.options, late: false };
        const event = makeEvent(`schedule:${id}`, { type: 'schedule_run.due', at: NOON, evicts: false, data });
        assert.equal(await schedules.patch({ id, version: 1, now: NOON }, { nextRunAt: null }, event), 'ok');
        assert.equal(await events.claim(event.id, NOON, after(NOON, 15 * SECOND)), true);
        const third = await pair.more();
        await third.work();
        assert.equal(await here.app.queue.count({ name: JOB }, 10), 0);
        pair.forward(15 * SECOND);
        await third.work();
        await assertOneJobEach(pair, await pair.runs(schedule));
      }));

    test('a job that no instance knows waits for one that does', () =>
      withPair(freshUrl, async (pair) => {
        const schedule = await pair.create({ timing: every(60), nextRunAt: after(NOON, MINUTE), job: 'test.newer' });
        pair.forward(MINUTE);
        await pair.work();
        assert.deepEqual(await pair.runs(schedule), []);
        assert.deepEqual((await pair.read(schedule)).nextRunAt, after(NOON, MINUTE));
        const ran: string[] = [];
        const newer = await pair.more({
          jobs: (jobs) =>
            jobs.register(
              defineJob({
                name: 'test.newer',
                schema: Type.Object({}),
                schedulable: true,
                run: async (_args, { id }) => void ran.push(id),
              }),
            ),
        });
        await newer.app.scheduler.tick();
        const [run = assert.fail()] = await pair.runs(schedule);
        // Another instance may try to deliver it first, and put it off.
        for (let tries = 0; ran.length === 0 && tries < 50; tries++) {
          await newer.work();
          pair.forward(SECOND);
        }
        assert.deepEqual(ran, [newer.app.jobs.idOf('test.newer', run.id)]);
      }));

    test('what the code defines is written once by instances that start together, and later follows the code', () =>
      withPair(freshUrl, async (pair) => {
        const { schedules, events } = pair.here.app.storage;
        await atOnce(3, () => pair.more());
        const inCode = await schedules.list();
        assert.deepEqual(
          inCode.map(({ name: title }) => title),
          [
            'api-keys.remind',
            'factors.carry-out-resets',
            'factors.reseal',
            'files.tend',
            'keys.tend',
            'purge.api-keys',
            'purge.challenges',
            'purge.events',
            'purge.jobs',
            'purge.nonces',
            'purge.registrations',
            'purge.sessions',
            'purge.throttles',
            'users.erase-deleted',
            'users.search-terms',
          ],
        );
        for (const { id, origin, enabled } of inCode) {
          assert.deepEqual([origin, enabled], ['code', true]);
          const told = (await events.listForTarget(`schedule:${id}`)).map(({ type }) => type);
          assert.deepEqual(told, ['schedule.created']);
        }
        // As an older version had it, and as somebody switched it off.
        const [first = assert.fail(), second = assert.fail()] = inCode;
        const older = { timing: every(60), missed: 'skip', enabled: false, nextRunAt: null } as const;
        const at = (schedule: ScheduleRecord) => ({ id: schedule.id, version: schedule.version, now: NOON });
        const event = (schedule: ScheduleRecord) =>
          makeEvent(`schedule:${schedule.id}`, { pending: false, evicts: false });
        assert.equal(await schedules.patch(at(first), older, event(first)), 'ok');
        assert.equal(await schedules.patch(at(second), { missed: 'skip' }, event(second)), 'ok');
        await atOnce(3, () => pair.more());
        const merged = await pair.read(first);
        assert.deepEqual(
          [merged.timing, merged.missed, merged.enabled, merged.nextRunAt],
          [first.timing, first.missed, false, null],
        );
        assert.deepEqual((await pair.read(second)).nextRunAt, second.nextRunAt);
        for (const { id } of [first, second]) {
          const told = (await events.listForTarget(`schedule:${id}`)).filter(({ type }) => type === 'schedule.changed');
          assert.equal(told.length, 1);
        }
      }));
  });
}
