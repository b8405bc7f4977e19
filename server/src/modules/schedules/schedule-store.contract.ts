import assert from 'node:assert/strict';
import { it } from 'node:test';
import { HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { LATER, makeEvent, makeId, makeSchedule, makeUnwritableEvent, NOW } from '../../../test/fixtures.ts';
import {
  assertHistory,
  describeStore,
  itRaces,
  type Open,
  onFresh,
  race,
  theWinner,
} from '../../../test/store-contract.ts';
import { after, DAY, HOUR, MINUTE } from '../../platform/clock.ts';
import type { SchedulePatch, ScheduleRecord } from './schedule-store.ts';

const targetOf = ({ id }: Pick<ScheduleRecord, 'id'>) => `schedule:${id}`;
const at = ({ id, version }: Pick<ScheduleRecord, 'id' | 'version'>) => ({ id, version, now: LATER });
/** A `future` after which no schedule of these tests was changed. */
const NEVER = after(NOW, 365 * DAY);

const EMPTY: Partial<ScheduleRecord> = {
  args: {},
  options: { priority: 0, retries: null },
  missed: 'skip',
  enabled: false,
  startAt: null,
  endAt: null,
  nextRunAt: null,
  lastRunAt: null,
};

/** Every adapter of the schedule store keeps this. */
export function scheduleStoreContract(open: Open): void {
  describeStore('ScheduleStore', open, (opened) => {
    const schedules = () => opened().storage.schedules;

    async function insert(fields: Partial<ScheduleRecord> = {}) {
      const schedule = makeSchedule(fields);
      const event = makeEvent(targetOf(schedule));
      assert.equal(await schedules().insert(schedule, event), 'ok');
      return { schedule, event };
    }

    it('gives back what was put in, with its event', async () => {
      for (const fields of [{}, EMPTY, { origin: 'code' as const, args: ['a', 1, null] }, { args: 'text' }]) {
        const { schedule, event } = await insert(fields);
        assert.deepEqual(await schedules().find(schedule.id), schedule);
        assert.deepEqual(
          (await schedules().list()).find(({ id }) => id === schedule.id),
          schedule,
        );
        await assertHistory(opened(), targetOf(schedule), [event]);
      }
      assert.equal(await schedules().find(makeId()), null);
    });

    it('keeps timings of every kind', async () => {
      const timings: ScheduleRecord['timing'][] = [
        { kind: 'interval', everySeconds: 7 },
        { kind: 'cron', expression: '*/5 * * * 1-5', timeZone: 'Asia/Kathmandu' },
        { kind: 'solar', event: 'dusk_civil', latitude: -33.868820001, longitude: 151.209295 },
      ];
      for (const timing of timings) {
        const { schedule } = await insert({ timing });
        assert.deepEqual((await schedules().find(schedule.id))?.timing, timing);
      }
    });

    it('keeps texts as they are', async () => {
      for (const [i, text] of HOSTILE_TEXTS.entries()) {
        const { schedule } = await insert({ name: `${i} ${text}`, args: { text, list: [text] } });
        assert.deepEqual(await schedules().find(schedule.id), schedule, `text ${i}`);
      }
    });

    it('lists by name, as bytes', () =>
      onFresh(open, async ({ storage }) => {
        for (const name of ['b', 'Z', 'a b', 'a', 'a_b', 'ä', 'A']) {
          const schedule = makeSchedule({ name });
          assert.equal(await storage.schedules.insert(schedule, makeEvent(targetOf(schedule))), 'ok', name);
        }
        const names = (await storage.schedules.list()).map(({ name }) => name);
        assert.deepEqual(names, ['A', 'Z', 'a', 'a b', 'a_b', 'b', 'ä']);
      }));

    it('patches what is said and nothing else', async () => {
      const { schedule, event: began } = await insert();
      const patches: SchedulePatch[] = [
        {},
        { name: `Another ${schedule.name}`, job: 'test.other', args: null },
        { timing: { kind: 'interval', everySeconds: 90 }, options: { priority: 0, retries: null } },
        { missed: 'skip', enabled: false, startAt: null, endAt: null, nextRunAt: null, lastRunAt: null },
        { enabled: true, nextRunAt: after(NOW, 1), lastRunAt: NOW, startAt: NOW, endAt: LATER, origin: 'code' },
      ];
      const history = [began];
      let present = schedule;
      for (const patch of patches) {
        const event = makeEvent(targetOf(schedule));
        assert.equal(await schedules().patch(at(present), patch, event), 'ok');
        history.push(event);
        present = { ...present, ...patch, updatedAt: LATER, version: present.version + 1 };
        assert.deepEqual(await schedules().find(schedule.id), present);
      }
      await assertHistory(opened(), targetOf(schedule), history);
    });

    it('a name belongs to one schedule, until it goes: then at once to another', async () => {
      const { schedule } = await insert();
      const rival = makeSchedule({ name: schedule.name });
      assert.equal(await schedules().insert(rival, makeEvent(targetOf(rival))), 'name_taken');
      const { schedule: other } = await insert();
      const renamed = schedules().patch(at(other), { name: schedule.name }, makeEvent(targetOf(other)));
      assert.equal(await renamed, 'name_taken');
      assert.deepEqual(await schedules().find(other.id), other);
      assert.equal(await schedules().remove(at(schedule), makeEvent(targetOf(schedule))), 'ok');
      assert.equal(await schedules().insert(rival, makeEvent(targetOf(rival))), 'ok');
    });

    it('removes with an event, for good', async () => {
      const { schedule, event } = await insert({ nextRunAt: NOW });
      const last = makeEvent(targetOf(schedule));
      assert.equal(await schedules().remove(at(schedule), last), 'ok');
      assert.equal(await schedules().find(schedule.id), null);
      assert.ok((await schedules().list()).every(({ id }) => id !== schedule.id));
      assert.deepEqual(await schedules().due(LATER, NEVER, [schedule.job]), []);
      await assertHistory(opened(), targetOf(schedule), [event, last]);
      const again = { ...schedule, version: schedule.version + 1 };
      assert.equal(await schedules().remove(at(again), makeEvent(targetOf(schedule))), 'lost');
      assert.equal(await schedules().patch(at(again), { name: 'x' }, makeEvent(targetOf(schedule))), 'lost');
    });

    it('loses on a version that has passed, is still to come, or of nobody', async () => {
      const { schedule, event } = await insert();
      for (const version of [0, 2]) {
        const late = { ...schedule, version };
        assert.equal(await schedules().patch(at(late), { name: 'x' }, makeEvent(targetOf(schedule))), 'lost');
        assert.equal(await schedules().remove(at(late), makeEvent(targetOf(schedule))), 'lost');
      }
      const nobody = makeSchedule();
      assert.equal(await schedules().patch(at(nobody), { name: 'x' }, makeEvent(targetOf(nobody))), 'lost');
      assert.deepEqual(await schedules().find(schedule.id), schedule);
      await assertHistory(opened(), targetOf(schedule), [event]);
    });

    it('does nothing when its event cannot be written', async () => {
      const { schedule, event } = await insert();
      const never = makeSchedule();
      await assert.rejects(schedules().insert(never, makeUnwritableEvent(targetOf(never))));
      assert.equal(await schedules().find(never.id), null);
      await assert.rejects(
        schedules().patch(at(schedule), { nextRunAt: null }, makeUnwritableEvent(targetOf(schedule))),
      );
      await assert.rejects(schedules().remove(at(schedule), makeUnwritableEvent(targetOf(schedule))));
      assert.deepEqual(await schedules().find(schedule.id), schedule);
      await assertHistory(opened(), targetOf(schedule), [event]);
    });

    it('due: to the millisecond, of these jobs only, the earliest first', async () => {
      const job = makeSchedule().job;
      const { schedule: late } = await insert({ job, nextRunAt: after(NOW, 1) });
      const { schedule: early } = await insert({ job, nextRunAt: after(NOW, -HOUR) });
      const { schedule: exact } = await insert({ job, nextRunAt: NOW });
      const { schedule: other } = await insert({ nextRunAt: NOW });
      await insert({ job, nextRunAt: null });
      const dueAt = async (now: Date, jobs: string[]) => (await schedules().due(now, NEVER, jobs)).map(({ id }) => id);
      assert.deepEqual(await dueAt(after(NOW, -1), [job]), [early.id]);
      assert.deepEqual(await dueAt(NOW, [job]), [early.id, exact.id]);
      assert.deepEqual(await dueAt(after(NOW, 1), [job]), [early.id, exact.id, late.id]);
      assert.deepEqual(await dueAt(NOW, [other.job, 'test.unknown']), [other.id]);
      assert.deepEqual(await dueAt(NOW, []), []);
      assert.deepEqual(await schedules().due(after(NOW, -1), NEVER, [job]), [early]);
    });

    it('due: also what was changed after `future`, unless it never runs', async () => {
      const job = makeSchedule().job;
      const nextRunAt = after(NOW, 30 * DAY);
      const updatedAt = after(NOW, HOUR);
      const { schedule: ahead } = await insert({ job, nextRunAt, updatedAt });
      await insert({ job, nextRunAt: null, updatedAt });
      await insert({ job, nextRunAt, updatedAt: NOW });
      assert.deepEqual(await schedules().due(NOW, after(updatedAt, -1), [job]), [ahead]);
      assert.deepEqual(await schedules().due(NOW, updatedAt, [job]), []);
      assert.deepEqual(await schedules().due(NOW, after(updatedAt, -1), ['test.unknown']), []);
    });

    it('nextDueAt: the earliest of these jobs; what never runs, is unknown or was removed does not count', () =>
      onFresh(open, async ({ storage }) => {
        const [one, two] = [makeSchedule().job, makeSchedule().job];
        assert.equal(await storage.schedules.nextDueAt([one, two]), null);
        const earliest = makeSchedule({ job: one, nextRunAt: after(NOW, 123) });
        const all = [
          makeSchedule({ job: two, nextRunAt: after(NOW, 5 * MINUTE) }),
          earliest,
          makeSchedule({ job: one, nextRunAt: null }),
          makeSchedule({ nextRunAt: after(NOW, -DAY) }),
        ];
        for (const schedule of all) await storage.schedules.insert(schedule, makeEvent(targetOf(schedule)));
        assert.deepEqual(await storage.schedules.nextDueAt([one, two]), earliest.nextRunAt);
        assert.deepEqual(await storage.schedules.nextDueAt([two]), after(NOW, 5 * MINUTE));
        assert.equal(await storage.schedules.nextDueAt([]), null);
        assert.equal(await storage.schedules.remove(at(earliest), makeEvent(targetOf(earliest))), 'ok');
        assert.equal(await storage.schedules.nextDueAt([one]), null);
      }));

    itRaces('insert: one of 50 with one name', async () => {
      const { name } = makeSchedule();
      const enter = () => makeSchedule({ name });
      const result = await race(enter, (schedule) => schedules().insert(schedule, makeEvent(targetOf(schedule))));
      const winner = theWinner(result, 'ok', 'name_taken');
      assert.deepEqual(
        (await schedules().list()).filter((schedule) => schedule.name === name),
        [winner],
      );
    });

    itRaces('a tick: one of 50 who see it, and one event', async () => {
      const { schedule, event: began } = await insert();
      const enter = (caller: number) => ({
        nextRunAt: after(NOW, 2 * MINUTE + caller),
        event: makeEvent(targetOf(schedule)),
      });
      const result = await race(enter, ({ nextRunAt, event }) =>
        schedules().patch(at(schedule), { nextRunAt, lastRunAt: schedule.nextRunAt }, event),
      );
      const { nextRunAt, event } = theWinner(result, 'ok', 'lost');
      const next = { nextRunAt, lastRunAt: schedule.nextRunAt, updatedAt: LATER, version: 2 };
      assert.deepEqual(await schedules().find(schedule.id), { ...schedule, ...next });
      await assertHistory(opened(), targetOf(schedule), [began, event]);
    });

    itRaces('patch and remove: one of 50 on one version', async () => {
      const { schedule, event: began } = await insert();
      const enter = (caller: number) => ({ caller, event: makeEvent(targetOf(schedule)) });
      const result = await race(enter, ({ caller, event }) =>
        caller % 2 === 0
          ? schedules().remove(at(schedule), event)
          : schedules().patch(at(schedule), { job: `job.${caller}` }, event),
      );
      const { caller, event } = theWinner(result, 'ok', 'lost');
      assert.equal((await schedules().find(schedule.id))?.job, caller % 2 === 0 ? undefined : `job.${caller}`);
      await assertHistory(opened(), targetOf(schedule), [began, event]);
    });
  });
}
