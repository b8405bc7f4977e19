import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { jobRecordOf, LATER, makeId, makeJob, NOW, nextNumber } from '../../../test/fixtures.ts';
import { describeStore, itRaces, type Open, onFresh, race, theWinner } from '../../../test/store-contract.ts';
import { after, DAY, MINUTE } from '../../platform/clock.ts';
import { JOB_STATES, type JobRecord, type JobState, type NewJob } from '../../platform/queue/queue.ts';
import type { JobStore, Settlement } from './job-store.ts';

const END = new Date('2200-01-01T00:00:00.000Z');
const newName = () => `test.name-${nextNumber()}`;

/** A job in this state, without others of its name in the queue; it was settled or cancelled at `at`. */
async function jobIn(jobs: JobStore, state: JobState, fields: Partial<NewJob> = {}, at = LATER): Promise<NewJob> {
  const job = makeJob({ ...(state === 'delayed' && { runAt: LATER }), ...fields });
  assert.equal(await jobs.insert(job), true);
  if (state === 'cancelled') assert.equal(await jobs.cancel(job.id, at), true);
  if (state === 'waiting' || state === 'delayed' || state === 'cancelled') return job;
  const claim = makeId();
  const [claimed] = await jobs.claim(job.name, 1, { claim, now: NOW, until: END });
  assert.equal(claimed?.id, job.id);
  if (state === 'active') return job;
  const settlement = { id: job.id, claim, state, attempts: 1, progress: 50, log: ['line'], runAt: null };
  const failure = state === 'failed' ? { message: 'no', stack: null } : null;
  assert.deepEqual(await jobs.settle([{ ...settlement, failure }], at), []);
  return job;
}

/** Every adapter of the job store keeps this: what is kept, found, listed, counted and forgotten. */
export function jobStoreContract(open: Open): void {
  describeStore('JobStore', open, (opened) => {
    const jobs = () => opened().storage.jobs;

    async function insert(fields: Partial<NewJob> = {}): Promise<NewJob> {
      const job = makeJob(fields);
      assert.equal(await jobs().insert(job), true);
      return job;
    }

    /** Ends the job with the values of `ended`. */
    async function end(job: NewJob, ended: Partial<Settlement>, now = LATER): Promise<JobRecord | null> {
      const claim = makeId();
      await jobs().claim(job.name, 1, { claim, now: NOW, until: END });
      const base = { id: job.id, claim, state: 'completed', attempts: 1, progress: null, failure: null } as const;
      assert.deepEqual(await jobs().settle([{ ...base, log: [], runAt: null, ...ended }], now), []);
      return jobs().find(job.id);
    }

    it('gives back what was put in', async () => {
      const bare = { args: null, priority: 0, uniqueKey: null, retries: 0 };
      for (const fields of [
        {},
        bare,
        { runAt: after(NOW, 1) },
        { ...bare, runAt: LATER, priority: 1000, retries: 1000 },
      ]) {
        const job = await insert(fields);
        assert.deepEqual(await jobs().find(job.id), jobRecordOf(job));
        assert.deepEqual(await jobs().list({ name: job.name }, { skip: 0, limit: 2 }), [jobRecordOf(job)]);
      }
      assert.equal(await jobs().find(makeId()), null);
    });

    it('keeps every text as it is', async () => {
      const name = newName();
      for (const text of HOSTILE_TEXTS) {
        const job = await insert({ name, args: { text, list: [text] }, uniqueKey: text });
        assert.deepEqual(await jobs().find(job.id), jobRecordOf(job));
        const failure = { message: text, stack: text };
        const ended = await end(job, { result: text, log: [text, text], failure });
        assert.deepEqual([ended?.result, ended?.log, ended?.failure], [text, [text, text], failure]);
        assert.deepEqual([ended?.args, ended?.uniqueKey], [job.args, text]);
      }
    });

    it('keeps NUL, which no column of text could hold; half a character does no harm', async () => {
      const failure = { message: '\0', stack: 'a\0' };
      const job = await insert({ args: ['\0', { '\u0001': 'a\0b' }] });
      const ended = await end(job, { result: 'c\0', log: ['\0d'], failure });
      assert.deepEqual([ended?.args, ended?.result, ended?.log], [job.args, 'c\0', ['\0d']]);
      assert.deepEqual(ended?.failure, failure);
      // A text that was cut to length may end in half of a surrogate pair; a store may replace it by U+FFFD.
      const half = '😀'.slice(0, 1);
      const cut = await end(await insert(), { result: half, log: [half], failure: { message: half, stack: half } });
      assert.equal(cut?.state, 'completed');
      for (const text of [cut.result, cut.log[0], cut.failure?.message]) assert.ok(text === half || text === '\ufffd');
    });

    it('keeps every kind of datum as it is', async () => {
      const numbers = [0, -1, 1.5, 1e21, 2 ** 31, -(2 ** 53) + 1, 2 ** 53 - 1];
      const names = ['$where', '$set', '$', 'a.b', '.a', 'a.', 'with space', '😀', 'constructor', '_id', ''];
      const named = Object.fromEntries(names.map((name) => [name, { [name]: 1 }]));
      const data = [null, true, false, 0, 1.5, '', [], {}, [null], [[[{ a: [null] }]]], numbers, named, { b: 1, a: 2 }];
      for (const datum of data) {
        const job = await insert({ args: datum });
        const ended = await end(job, { result: datum });
        assert.deepEqual([ended?.args, ended?.result], [datum, datum]);
        assert.equal(JSON.stringify(ended?.result), JSON.stringify(datum), 'in the same order');
      }
    });

    it('a result that there is none of, and one that is null, are null', async () => {
      assert.equal((await end(await insert(), {}))?.result, null);
      assert.equal((await end(await insert(), { result: undefined }))?.result, null);
      assert.equal((await end(await insert(), { result: null }))?.result, null);
    });

    it('has room for the longest that may come', async () => {
      const job = await insert({ name: 'n'.repeat(60), args: ['李'.repeat(65_000)], uniqueKey: '李'.repeat(200) });
      assert.deepEqual(await jobs().find(job.id), jobRecordOf(job));
      const log = Array.from({ length: 100 }, () => '李'.repeat(1000));
      const failure = { message: '李'.repeat(2000), stack: '李'.repeat(8000) };
      const ended = await end(job, { result: '李'.repeat(65_000), log, failure });
      assert.deepEqual([ended?.result, ended?.log, ended?.failure], ['李'.repeat(65_000), log, failure]);
    });

    it('keeps times to the millisecond in every time zone', async () => {
      for (const time of AWKWARD_TIMES) {
        const job = await insert({ createdAt: time, runAt: after(time, 1) });
        assert.deepEqual(await jobs().find(job.id), jobRecordOf(job));
        assert.equal(await jobs().cancel(job.id, after(time, 2)), true);
        assert.deepEqual((await jobs().find(job.id))?.finishedAt, after(time, 2));
      }
    });

    it('takes hostile ids and names for what they are', async () => {
      const job = await insert();
      const others = [makeId(), job.id.toUpperCase(), job.id.slice(1), `${job.id} `, ...HOSTILE_TEXTS];
      for (const text of others) {
        assert.equal(await jobs().find(text), null);
        assert.equal(await jobs().findUnique(text, job.uniqueKey ?? ''), null);
        assert.equal(await jobs().findUnique(job.name, text), null);
        assert.deepEqual(await jobs().list({ name: text }, { skip: 0, limit: 10 }), []);
        assert.equal(await jobs().count({ name: text }, 10), 0);
        assert.deepEqual(await jobs().claim(text, 10, { claim: text, now: LATER, until: END }), []);
        for (const verb of ['retry', 'cancel'] as const) assert.equal(await jobs()[verb](text, LATER), false);
        assert.equal(await jobs().remove(text), false);
        assert.equal(await jobs().isPaused(text), false);
        assert.equal(await jobs().oldestWaitingAt(text), null);
      }
      assert.deepEqual(await jobs().find(job.id), jobRecordOf(job));
    });

    it('an id belongs to one job, whatever else is new, until it is removed', async () => {
      for (const state of JOB_STATES) {
        const { id } = await jobIn(jobs(), state);
        const before = await jobs().find(id);
        assert.equal(await jobs().insert(makeJob({ id })), false, state);
        assert.equal(await jobs().insert(makeJob({ id, uniqueKey: null, runAt: LATER })), false, state);
        assert.deepEqual(await jobs().find(id), before);
      }
      const gone = await insert();
      assert.equal(await jobs().remove(gone.id), true);
      await insert({ id: gone.id, name: gone.name, uniqueKey: gone.uniqueKey });
    });

    it('a unique key belongs to one job of its name until that has ended', async () => {
      for (const state of JOB_STATES) {
        const job = await jobIn(jobs(), state);
        const { name, uniqueKey } = job;
        const kept = await jobs().find(job.id);
        const held = state === 'waiting' || state === 'delayed' || state === 'active';
        assert.equal(kept?.state, state);
        assert.equal(kept?.uniqueKey, uniqueKey, 'it is shown, also at the end');
        assert.deepEqual(await jobs().findUnique(name, uniqueKey ?? ''), held ? kept : null, state);
        const next = makeJob({ name, uniqueKey });
        assert.equal(await jobs().insert(next), !held, state);
        assert.deepEqual(await jobs().findUnique(name, uniqueKey ?? ''), held ? kept : jobRecordOf(next), state);
        assert.deepEqual(await jobs().find(job.id), kept);
        const elsewhere = await insert({ uniqueKey });
        assert.deepEqual(await jobs().findUnique(elsewhere.name, uniqueKey ?? ''), jobRecordOf(elsewhere));
      }
    });

    it('unique keys are the same only byte by byte; none is like none', async () => {
      const name = newName();
      const made: NewJob[] = [];
      for (const uniqueKey of HOSTILE_TEXTS) made.push(await insert({ name, uniqueKey }));
      for (const job of made) {
        assert.deepEqual(await jobs().findUnique(name, job.uniqueKey ?? ''), jobRecordOf(job));
        assert.equal(await jobs().insert(makeJob({ name, uniqueKey: job.uniqueKey })), false);
      }
      for (let i = 0; i < 2; i++) await insert({ name, uniqueKey: null });
    });

    it('lists the latest created first, by name and state, page by page', () =>
      onFresh(open, async ({ storage }) => {
        const [a, b] = [newName(), newName()];
        const at = (name: string, seconds: number) => ({
          name,
          createdAt: after(NOW, seconds * 1000),
          priority: 9 - seconds,
        });
        const one = await jobIn(storage.jobs, 'completed', at(a, 1));
        const three = await jobIn(storage.jobs, 'waiting', at(a, 3));
        const zero = await jobIn(storage.jobs, 'delayed', at(a, 0));
        const two = await jobIn(storage.jobs, 'completed', at(b, 2));
        const twin = await jobIn(storage.jobs, 'cancelled', at(b, 2));
        const ids = async (filter: Parameters<JobStore['list']>[0], skip = 0, limit = 10) =>
          (await storage.jobs.list(filter, { skip, limit })).map(({ id }) => id);
        const all = [three, twin, two, one, zero].map(({ id }) => id);
        assert.deepEqual(await ids({}), all, 'of those created at one time, by their ids');
        assert.deepEqual(await ids({}, 0, 2), all.slice(0, 2));
        assert.deepEqual(await ids({}, 1, 3), all.slice(1, 4));
        assert.deepEqual(await ids({}, 5), []);
        assert.deepEqual(await ids({ name: a }), [three.id, one.id, zero.id]);
        assert.deepEqual(await ids({ state: 'completed' }), [two.id, one.id]);
        assert.deepEqual(await ids({ state: 'completed' }, 1), [one.id]);
        assert.deepEqual(await ids({ name: b, state: 'cancelled' }), [twin.id]);
        assert.deepEqual(await ids({ name: b, state: 'waiting' }), []);
        const counts = [{}, { name: a }, { state: 'completed' as const }, { name: a, state: 'failed' as const }];
        assert.deepEqual(await Promise.all(counts.map((filter) => storage.jobs.count(filter, 100))), [5, 3, 2, 0]);
        assert.deepEqual(await Promise.all([1, 4, 5, 6].map((limit) => storage.jobs.count({}, limit))), [1, 4, 5, 5]);
      }));

    it('counts: how many of a name are in each state', async () => {
      const name = newName();
      const none = { waiting: 0, delayed: 0, active: 0, completed: 0, failed: 0, cancelled: 0 };
      assert.deepEqual(await jobs().counts(name), none);
      // The waiting job comes last, or a claim for one of the others would take it.
      const states: JobState[] = [
        'completed',
        'failed',
        'failed',
        'cancelled',
        'active',
        'active',
        'delayed',
        'waiting',
      ];
      for (const state of states) await jobIn(jobs(), state, { name });
      await insert();
      const expected = { waiting: 1, delayed: 1, active: 2, completed: 1, failed: 2, cancelled: 1 };
      assert.deepEqual(await jobs().counts(name), expected);
    });

    it('countEnded: those of a name that ended so since then', async () => {
      const name = newName();
      for (const minutes of [-2, -1, 0]) await jobIn(jobs(), 'completed', { name }, after(NOW, minutes * MINUTE));
      await jobIn(jobs(), 'failed', { name }, NOW);
      await jobIn(jobs(), 'completed', {}, NOW);
      await insert({ name, createdAt: LATER });
      const since = [-3 * MINUTE, -MINUTE, 1 - MINUTE, 0, 1].map((milliseconds) => after(NOW, milliseconds));
      const counted = await Promise.all(since.map((time) => jobs().countEnded(name, 'completed', time)));
      assert.deepEqual(counted, [3, 2, 1, 1, 0]);
      assert.equal(await jobs().countEnded(name, 'failed', NOW), 1);
      assert.equal(await jobs().countEnded(name, 'cancelled', NOW), 0);
    });

    it('durations: of the latest completed', async () => {
      const name = newName();
      for (const seconds of [20, 40, 30]) await jobIn(jobs(), 'completed', { name }, after(NOW, seconds * 1000));
      await jobIn(jobs(), 'failed', { name }, LATER);
      await jobIn(jobs(), 'cancelled', { name }, LATER);
      await jobIn(jobs(), 'completed', {}, LATER);
      const expected = [40, 30, 20].map((seconds) => ({ startedAt: NOW, finishedAt: after(NOW, seconds * 1000) }));
      assert.deepEqual(await jobs().durations(name, 10), expected);
      assert.deepEqual(await jobs().durations(name, 2), expected.slice(0, 2));
      assert.deepEqual(await jobs().durations(newName(), 10), []);
    });

    it('oldestWaitingAt: since when, of those of a name that wait', async () => {
      const name = newName();
      assert.equal(await jobs().oldestWaitingAt(name), null);
      await jobIn(jobs(), 'active', { name, createdAt: after(NOW, -DAY) });
      await insert({ name, createdAt: after(NOW, -DAY), runAt: LATER });
      await insert({ createdAt: after(NOW, -DAY) });
      assert.equal(await jobs().oldestWaitingAt(name), null);
      for (const milliseconds of [2, 1, 3]) await insert({ name, createdAt: after(NOW, milliseconds) });
      assert.deepEqual(await jobs().oldestWaitingAt(name), after(NOW, 1));
      await jobs().setPaused(name, true);
      assert.deepEqual(await jobs().oldestWaitingAt(name), after(NOW, 1), 'paused or not');
    });

    it('removes what is not active, for good', async () => {
      for (const state of JOB_STATES) {
        const job = await jobIn(jobs(), state);
        const kept = await jobs().find(job.id);
        assert.equal(await jobs().remove(job.id), state !== 'active', state);
        assert.deepEqual(await jobs().find(job.id), state === 'active' ? kept : null);
        assert.equal(await jobs().remove(job.id), false);
        assert.equal(await jobs().cancel(job.id, LATER), state === 'active');
        assert.equal(await jobs().retry(job.id, LATER), false);
      }
    });

    it('purge: a bounded number of those that ended so before then', () =>
      onFresh(open, async ({ storage: { jobs: fresh } }) => {
        const ended = { failed: 2, completed: 1, cancelled: 0 } as const;
        for (const [state, seconds] of Object.entries(ended)) {
          for (const second of [seconds, seconds + 10, seconds + 20]) {
            await jobIn(fresh, state as JobState, { createdAt: after(NOW, -DAY) }, after(NOW, second * 1000));
          }
        }
        const left = async () =>
          Object.fromEntries(
            await Promise.all(JOB_STATES.map(async (state) => [state, await fresh.count({ state }, 10)])),
          );
        assert.equal(await fresh.purge('completed', after(NOW, 1000), 10), 0, 'not those of that millisecond');
        assert.equal(await fresh.purge('completed', after(NOW, 1001), 10), 1);
        assert.equal(await fresh.purge('completed', after(NOW, 1001), 10), 0);
        assert.equal(await fresh.purge('failed', after(NOW, 12_001), 1), 1);
        assert.equal(await fresh.purge('failed', after(NOW, 12_001), 10), 1);
        assert.equal(await fresh.purge('cancelled', END, 2), 2);
        assert.deepEqual(await left(), { waiting: 0, delayed: 0, active: 0, completed: 2, failed: 1, cancelled: 1 });
      }));

    it('purge: never what has not ended', async () => {
      for (const state of ['waiting', 'delayed', 'active'] as const) {
        const job = await jobIn(jobs(), state);
        // Retried, after it had ended.
        const again = await jobIn(jobs(), 'cancelled');
        await jobs().retry(again.id, LATER);
        const kept = await jobs().find(again.id);
        assert.equal(await jobs().purge(state, END, 100), 0);
        for (const ended of ['completed', 'failed', 'cancelled'] as const) await jobs().purge(ended, END, 1000);
        assert.equal((await jobs().find(job.id))?.state, state);
        assert.deepEqual(await jobs().find(again.id), kept);
      }
    });

    itRaces('insert: one of 50 with one id', async () => {
      const id = makeId();
      const result = await race(
        () => makeJob({ id, uniqueKey: null }),
        (job) => jobs().insert(job),
      );
      assert.deepEqual(await jobs().find(id), jobRecordOf(theWinner(result, true, false)));
    });

    itRaces('insert: one of 50 with one unique key', async () => {
      const { name, uniqueKey } = makeJob();
      const enter = (caller: number) => makeJob({ name, uniqueKey, runAt: caller % 2 === 0 ? null : LATER });
      const winner = theWinner(await race(enter, (job) => jobs().insert(job)), true, false);
      assert.deepEqual(await jobs().list({ name }, { skip: 0, limit: 10 }), [jobRecordOf(winner)]);
      assert.deepEqual(await jobs().findUnique(name, uniqueKey ?? ''), jobRecordOf(winner));
    });

    itRaces('remove: one of 50 removes it', async () => {
      const job = await insert();
      theWinner(
        await race(
          () => job.id,
          (id) => jobs().remove(id),
        ),
        true,
        false,
      );
    });

    itRaces('remove and claim: what was removed is nobody’s', async () => {
      const job = await insert();
      const at = { claim: makeId(), now: LATER, until: END };
      const call = async (caller: number) =>
        caller % 2 === 0 ? jobs().remove(job.id) : (await jobs().claim(job.name, 1, at)).length === 1;
      const winner = theWinner(await race((caller) => caller, call), true, false);
      assert.equal((await jobs().find(job.id))?.state, winner % 2 === 0 ? undefined : 'active');
    });

    itRaces('setPaused: 50 at once leave a queue paused, or not', async () => {
      const name = newName();
      for (const paused of [true, false]) {
        await race(
          () => paused,
          (wanted) => jobs().setPaused(name, wanted),
        );
        assert.equal(await jobs().isPaused(name), paused);
      }
    });
  });
}
