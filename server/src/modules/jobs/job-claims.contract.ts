import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AWKWARD_TIMES, HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { jobRecordOf, LATER, makeId, makeJob, NOW, nextNumber } from '../../../test/fixtures.ts';
import { describeStore, itRaces, type Open, onFresh, race, theWinner } from '../../../test/store-contract.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import type { JobRecord, NewJob } from '../../platform/queue/queue.ts';
import type { Claim, JobStore, Settlement } from './job-store.ts';

/** When the claims of these tests expire. */
const UNTIL = after(NOW, MINUTE);
const FAILURE = { message: 'The printer is on fire.', stack: 'Error: The printer is on fire.\n    at print' };
/** A limit of `deaths` that no job of these tests reaches. */
const MANY = 100;
const newName = () => `test.name-${nextNumber()}`;
const idsOf = (all: readonly { id: string }[]) => all.map(({ id }) => id);

const completed = (held: Claim, result: unknown = 'done'): Settlement => ({
  id: held.id,
  claim: held.claim,
  state: 'completed',
  attempts: 1,
  progress: 100,
  log: ['began', 'ended'],
  result,
  failure: null,
  runAt: null,
});
const failed = (held: Claim): Settlement => ({
  ...completed(held),
  state: 'failed',
  result: undefined,
  failure: FAILURE,
});
const delayed = (held: Claim, runAt: Date): Settlement => ({ ...failed(held), state: 'delayed', progress: 50, runAt });
const returned = (held: Claim): Settlement => ({
  ...completed(held),
  state: 'waiting',
  attempts: 0,
  result: undefined,
});

/** Claims up to `limit` jobs of a name; returns them with their claim. */
async function take(jobs: JobStore, name: string, limit = 1, times: { now?: Date; until?: Date } = {}) {
  const claim = makeId();
  const taken = await jobs.claim(name, limit, { claim, now: NOW, until: UNTIL, ...times });
  return taken.map((record) => ({ id: record.id, claim, record }));
}

/** Every adapter of the job store keeps this: who may run a job, and what becomes of it. */
export function jobClaimsContract(open: Open): void {
  describeStore('JobStore, claims', open, (opened) => {
    const jobs = () => opened().storage.jobs;
    const find = (id: string) => jobs().find(id);
    const stateOf = async (id: string) => (await find(id))?.state;

    async function insert(fields: Partial<NewJob> = {}): Promise<NewJob> {
      const job = makeJob(fields);
      assert.equal(await jobs().insert(job), true);
      return job;
    }

    /** Claims the only waiting job of a name. */
    async function hold(name: string, times: { now?: Date; until?: Date } = {}) {
      const [held, ...more] = await take(jobs(), name, 2, times);
      assert.deepEqual(more, []);
      assert.ok(held);
      return held;
    }

    async function active(fields: Partial<NewJob> = {}) {
      const job = await insert(fields);
      return { job, held: await hold(job.name) };
    }

    /** Whether `promote` returned this name. */
    const promote = async (name: string, now: Date, deaths = MANY) =>
      (await jobs().promote(now, deaths)).includes(name);
    const settle = (settlement: Settlement, now = LATER) => jobs().settle([settlement], now);

    it('claim: the job is active from then on, and nobody else’s', async () => {
      for (const now of [NOW, ...AWKWARD_TIMES]) {
        const job = await insert();
        const held = await hold(job.name, { now, until: after(now, 1) });
        assert.deepEqual(held.record, { ...jobRecordOf(job), state: 'active', startedAt: now });
        assert.deepEqual(await find(job.id), held.record);
        assert.deepEqual(await take(jobs(), job.name), []);
      }
    });

    it('claim: by priority, then since when they wait, then by id, up to a limit', async () => {
      const name = newName();
      const order = [
        [0, 3],
        [0, 4],
        [1, 0],
        [1, 1],
        [1, 1],
        [2, 0],
        [10, -1],
      ];
      const made = order.map(([priority = 0, wait = 0]) => makeJob({ name, priority, createdAt: after(NOW, wait) }));
      for (const job of made.toReversed()) assert.equal(await jobs().insert(job), true);
      const expected = idsOf(made);
      assert.deepEqual(idsOf(await take(jobs(), name, 3)), expected.slice(0, 3));
      for (const id of expected.slice(3, 5)) assert.deepEqual(idsOf(await take(jobs(), name)), [id]);
      assert.deepEqual(idsOf(await take(jobs(), name, 50)), expected.slice(5));
      assert.deepEqual(await take(jobs(), name, 50), []);
    });

    it('claim: what was delayed stands in line since it is due, not since it was made', async () => {
      const name = newName();
      const late = await insert({ name, createdAt: after(NOW, -MINUTE), runAt: LATER });
      const early = await insert({ name, createdAt: after(LATER, -1) });
      const last = await insert({ name, createdAt: after(LATER, 1) });
      assert.equal(await promote(name, LATER), true);
      assert.deepEqual(idsOf(await take(jobs(), name, 3)), idsOf([early, late, last]));
    });

    it('claim: never a delayed job, an ended one, another name’s, or one whose queue is paused', async () => {
      const name = newName();
      await insert({ name, runAt: after(NOW, -MINUTE) });
      await jobs().cancel((await insert({ name })).id, NOW);
      const others = [name.toUpperCase(), `${name} `, name.slice(0, -1), `${name}0`];
      for (const other of others) await insert({ name: other });
      assert.deepEqual(await take(jobs(), name, 10), []);

      const paused = await insert({ name });
      assert.equal(await jobs().isPaused(name), false);
      for (let i = 0; i < 2; i++) await jobs().setPaused(name, true);
      assert.equal(await jobs().isPaused(name), true);
      assert.deepEqual(await take(jobs(), name, 10), []);
      for (const other of others) {
        assert.equal(await jobs().isPaused(other), false);
        assert.equal((await take(jobs(), other)).length, 1);
      }
      for (let i = 0; i < 2; i++) await jobs().setPaused(name, false);
      assert.equal(await jobs().isPaused(name), false);
      assert.deepEqual(idsOf(await take(jobs(), name, 10)), [paused.id]);
    });

    it('settle: completed and failed are ends, with all that is told', async () => {
      for (const make of [completed, failed]) {
        for (const now of [LATER, ...AWKWARD_TIMES]) {
          const { job, held } = await active();
          const settlement = make(held);
          assert.deepEqual(await settle({ ...settlement, attempts: 4 }, now), []);
          const { claim: _, ...told } = settlement;
          const { result = null } = told;
          assert.deepEqual(await find(job.id), { ...held.record, ...told, attempts: 4, result, finishedAt: now });
          assert.equal(await promote(job.name, after(UNTIL, MINUTE)), false);
          assert.deepEqual(await take(jobs(), job.name), []);
        }
      }
    });

    it('settle: delayed until a time, then in line again, with what the attempts before left', async () => {
      const { job, held } = await active();
      const runAt = after(NOW, 12_345);
      assert.deepEqual(await settle(delayed(held, runAt)), []);
      const { claim: _, result: __, ...told } = delayed(held, runAt);
      const shown = await find(job.id);
      assert.deepEqual(shown, { ...held.record, ...told, result: null });
      assert.deepEqual(await jobs().findUnique(job.name, job.uniqueKey ?? ''), shown);
      assert.deepEqual(await take(jobs(), job.name), []);
      assert.equal(await promote(job.name, runAt), true);
      const again = await hold(job.name, { now: after(runAt, 1) });
      const expected = {
        ...held.record,
        ...told,
        state: 'active',
        runAt: null,
        result: null,
        startedAt: after(runAt, 1),
      };
      assert.deepEqual(again.record, expected);
    });

    it('settle: waiting puts it back in line at once', async () => {
      const { job, held } = await active();
      assert.deepEqual(await settle(returned(held)), []);
      assert.equal(await stateOf(job.id), 'waiting');
      const again = await hold(job.name, { now: LATER });
      const { attempts, progress, log, startedAt, finishedAt, runAt } = again.record;
      assert.deepEqual({ attempts, progress, log }, { attempts: 0, progress: 100, log: ['began', 'ended'] });
      assert.deepEqual({ startedAt, finishedAt, runAt }, { startedAt: LATER, finishedAt: null, runAt: null });
      assert.deepEqual(await settle(completed(held)), [job.id], 'the claim before holds no longer');
      assert.deepEqual(await settle(completed(again)), []);
    });

    it('settle: under a lost claim nothing happens, and it is told', async () => {
      const name = newName();
      const ran = await active({ name });
      assert.equal(await promote(name, UNTIL), true);
      const again = await hold(name);
      const ended = await active();
      await settle(completed(ended.held));
      const waiting = await insert();
      const good = await active();
      const lost = [
        completed(ran.held),
        failed({ ...ended.held, id: ended.job.id }),
        ...['', 'null', makeId(), ...HOSTILE_TEXTS].map((claim) => returned({ id: waiting.id, claim })),
        completed({ id: makeId(), claim: good.held.claim }),
      ];
      const ids = [ran.job.id, ended.job.id, waiting.id];
      const before = await Promise.all(ids.map(find));
      for (const settlement of lost) assert.deepEqual(await settle(settlement), [settlement.id]);
      const [first, second, third] = lost;
      assert.ok(first && second && third);
      const told = await jobs().settle([first, completed(good.held), second, third], LATER);
      assert.deepEqual(told.sort(), idsOf([first, second, third]).sort());
      assert.deepEqual(await Promise.all(ids.map(find)), before);
      assert.equal(await stateOf(good.job.id), 'completed', 'the others of one call are settled');
      assert.deepEqual(await settle(completed(again)), [], 'the claim that holds is not harmed');
    });

    it('settle: many at once, and none', async () => {
      const name = newName();
      for (let i = 0; i < 50; i++) await insert({ name });
      const held = await take(jobs(), name, 50);
      const runAt = after(NOW, 5);
      const makers = [completed, failed, returned, (one: Claim) => delayed(one, runAt)];
      const settlements = held.map((one, i) => ({ ...(makers[i % 4] ?? completed)(one), log: [`${i}`] }));
      assert.deepEqual(await jobs().settle(settlements, LATER), []);
      assert.deepEqual(await jobs().settle([], LATER), []);
      const found = await Promise.all(settlements.map(({ id }) => find(id)));
      const told = found.map((job) => [job?.state, job?.log]);
      assert.deepEqual(
        told,
        settlements.map(({ state, log }) => [state, log]),
      );
    });

    it('report: shows how far it is, under the claim only', async () => {
      const { job, held } = await active();
      for (const shown of [
        { progress: 10, log: [...HOSTILE_TEXTS] },
        { progress: null, log: [] },
        { progress: 99, log: ['x'] },
      ]) {
        await jobs().report(job.id, held.claim, shown);
        assert.deepEqual(await find(job.id), { ...held.record, ...shown });
      }
      const kept = { ...held.record, progress: 99, log: ['x'] };
      for (const claim of [makeId(), ...HOSTILE_TEXTS])
        await jobs().report(job.id, claim, { progress: 1, log: ['no'] });
      await jobs().report(makeId(), held.claim, { progress: 1, log: ['no'] });
      assert.deepEqual(await find(job.id), kept);
      await settle(completed(held));
      await jobs().report(job.id, held.claim, { progress: 1, log: ['no'] });
      assert.deepEqual([(await find(job.id))?.progress, (await find(job.id))?.log], [100, ['began', 'ended']]);
    });

    it('renew: the claims go on until then; those that are held no longer are told', async () => {
      const name = newName();
      const [one, two] = [await active({ name }), await active({ name })];
      const [ended, removed, lost] = [await active(), await active(), await active()];
      await settle(completed(ended.held));
      await settle(failed(removed.held));
      await jobs().remove(removed.job.id);
      await settle(returned(lost.held));
      const again = await hold(lost.job.name);
      const gone = [ended.held, removed.held, lost.held, { id: two.job.id, claim: one.held.claim }];
      const { lost: told, cancelled } = await jobs().renew([one.held, ...gone], after(UNTIL, 1));
      assert.deepEqual([told.sort(), cancelled], [idsOf(gone).sort(), []]);
      assert.deepEqual(await jobs().renew([], UNTIL), { lost: [], cancelled: [] });
      assert.deepEqual(await find(one.job.id), one.held.record, 'nothing else is changed');

      assert.equal(await promote(name, UNTIL), true, 'the one that was not renewed');
      assert.deepEqual([await stateOf(one.job.id), await stateOf(two.job.id)], ['active', 'waiting']);
      assert.equal(await promote(name, after(UNTIL, 1)), true);
      assert.equal(await stateOf(one.job.id), 'waiting');
      assert.deepEqual(await jobs().renew([one.held], after(UNTIL, 2)), { lost: [one.job.id], cancelled: [] });
      assert.deepEqual(await settle(completed(again)), [lost.job.id], 'it ran out as well');
    });

    it('promote: what is due, to the millisecond, and nothing else', async () => {
      for (const time of AWKWARD_TIMES) {
        const due = await insert({ runAt: time });
        assert.equal(await promote(due.name, after(time, -1)), false);
        assert.deepEqual(await find(due.id), jobRecordOf(due));
        assert.equal(await promote(due.name, time), true);
        assert.deepEqual(await find(due.id), { ...jobRecordOf(due), state: 'waiting', runAt: null });
        assert.deepEqual(await jobs().oldestWaitingAt(due.name), time);
        assert.equal(await promote(due.name, after(time, 1)), false, 'it is in line already');

        const claimed = await hold(due.name, { now: after(time, 1), until: after(time, 10) });
        assert.equal(await promote(due.name, after(time, 9)), false);
        assert.deepEqual(await find(due.id), claimed.record);
        assert.equal(await promote(due.name, after(time, 10)), true);
        assert.equal(await stateOf(due.id), 'waiting');
        const again = await hold(due.name, { now: after(time, 11) });
        assert.deepEqual(again.record, { ...claimed.record, startedAt: after(time, 11) });
        await settle(completed(again));
      }
    });

    it('promote: answers each name once', () =>
      onFresh(open, async ({ storage }) => {
        const made = [makeJob({ runAt: NOW }), makeJob({ runAt: NOW }), makeJob({ runAt: LATER }), makeJob()];
        made.push(makeJob({ name: made[0]?.name, runAt: NOW }), makeJob());
        for (const job of made) await storage.jobs.insert(job);
        await take(storage.jobs, made[5]?.name ?? '', 1, { until: NOW });
        const names = [made[0], made[1], made[5]].map((job) => job?.name);
        assert.deepEqual((await storage.jobs.promote(NOW, MANY)).sort(), names.sort());
        assert.deepEqual(await storage.jobs.promote(NOW, MANY), []);
      }));

    it('promote: a job that took so many processes with it fails', async () => {
      const { name, id, uniqueKey } = await insert();
      for (const death of [1, 2]) {
        await hold(name);
        assert.equal(await promote(name, UNTIL, 3), true, `death ${death}`);
      }
      const third = await hold(name);
      assert.equal(await promote(name, after(UNTIL, 1), 3), false, 'it stands in no line');
      const end = await find(id);
      assert.deepEqual([end?.state, end?.finishedAt], ['failed', after(UNTIL, 1)]);
      assert.ok(end?.failure?.message, 'it says why');
      assert.deepEqual(await settle(completed(third)), [id]);
      assert.equal(await jobs().findUnique(name, uniqueKey ?? ''), null);
      // A retry resets the count of deaths.
      assert.equal(await jobs().retry(id, LATER), true);
      await hold(name);
      assert.equal(await promote(name, UNTIL, 2), true);
      await hold(name);
      assert.equal(await promote(name, UNTIL, 1), false, 'the first death is enough where none is allowed');
      assert.equal(await stateOf(id), 'failed');
    });

    it('nextDueAt: when the first delayed job is due, or the first claim runs out', () =>
      onFresh(open, async ({ storage }) => {
        const next = () => storage.jobs.nextDueAt();
        assert.equal(await next(), null);
        const job = makeJob();
        await storage.jobs.insert(job);
        assert.equal(await next(), null, 'what waits is not due');
        const late = makeJob({ runAt: after(UNTIL, 2) });
        await storage.jobs.insert(late);
        assert.deepEqual(await next(), after(UNTIL, 2));
        const [held] = await take(storage.jobs, job.name);
        assert.ok(held);
        assert.deepEqual(await next(), UNTIL);
        await storage.jobs.renew([held], after(UNTIL, 3));
        assert.deepEqual(await next(), after(UNTIL, 2));
        await storage.jobs.cancel(late.id, NOW);
        assert.deepEqual(await next(), after(UNTIL, 3));
        await storage.jobs.settle([delayed(held, after(NOW, 7))], NOW);
        assert.deepEqual(await next(), after(NOW, 7));
        await storage.jobs.promote(after(NOW, 7), MANY);
        assert.equal(await next(), null);
      }));

    it('cancel: what waits never runs', async () => {
      for (const runAt of [null, LATER]) {
        const job = await insert({ runAt });
        assert.equal(await jobs().cancel(job.id, NOW), true);
        assert.deepEqual(await find(job.id), { ...jobRecordOf(job), state: 'cancelled', runAt: null, finishedAt: NOW });
        assert.equal(await promote(job.name, after(LATER, MINUTE)), false);
        assert.deepEqual(await take(jobs(), job.name), []);
        assert.equal(await jobs().cancel(job.id, LATER), false);
        assert.deepEqual((await find(job.id))?.finishedAt, NOW);
      }
    });

    it('cancel: what is active is asked to end', async () => {
      const { job, held } = await active();
      const other = await active();
      for (let i = 0; i < 2; i++) assert.equal(await jobs().cancel(job.id, NOW), true);
      assert.deepEqual(await find(job.id), held.record, 'it runs on meanwhile');
      for (let i = 0; i < 2; i++) {
        const told = await jobs().renew([held, other.held], after(UNTIL, MINUTE));
        assert.deepEqual(told, { lost: [], cancelled: [job.id] });
      }
      assert.equal(await promote(job.name, UNTIL), false, 'the claim went on');
      assert.equal(await stateOf(job.id), 'active');
      assert.deepEqual(await settle({ ...failed(held), state: 'cancelled' }), []);
      const { claim: _, result: __, ...told } = failed(held);
      assert.deepEqual(await find(job.id), { ...held.record, ...told, state: 'cancelled', finishedAt: LATER });
      assert.equal(await jobs().cancel(job.id, LATER), false);
    });

    it('cancel: what would go on after it is cancelled, what ended has ended', async () => {
      const ends: [Settlement['state'], (held: Claim) => Settlement][] = [
        ['cancelled', returned],
        ['cancelled', (held) => delayed(held, LATER)],
        ['completed', completed],
        ['failed', failed],
      ];
      for (const [state, make] of ends) {
        const { job, held } = await active();
        assert.equal(await jobs().cancel(job.id, NOW), true);
        const settlement = make(held);
        assert.deepEqual(await settle(settlement), []);
        const ended = await find(job.id);
        assert.deepEqual([ended?.state, ended?.runAt, ended?.finishedAt], [state, null, LATER]);
        const { attempts, progress, log, failure } = settlement;
        assert.deepEqual({ ...ended, attempts, progress, log, failure }, ended, 'it shows what it came to');
        assert.equal(await promote(job.name, after(LATER, MINUTE)), false);
        assert.equal(await jobs().findUnique(job.name, job.uniqueKey ?? ''), null);
        assert.equal(await jobs().insert(makeJob({ name: job.name, uniqueKey: job.uniqueKey, runAt: LATER })), true);
      }
    });

    it('cancel: one whose process dies is cancelled', async () => {
      const { job } = await active();
      await jobs().cancel(job.id, NOW);
      assert.equal(await promote(job.name, UNTIL, 1), false);
      const ended = await find(job.id);
      assert.deepEqual([ended?.state, ended?.finishedAt, ended?.uniqueKey], ['cancelled', UNTIL, job.uniqueKey]);
      assert.equal(await jobs().findUnique(job.name, job.uniqueKey ?? ''), null);
    });

    it('retry: failed and cancelled begin again, with all their attempts and nobody asking for their end', async () => {
      for (const make of [failed, returned]) {
        const { job, held } = await active();
        await jobs().cancel(job.id, NOW);
        await settle({ ...make(held), attempts: 4 });
        assert.equal(await jobs().retry(job.id, LATER), true);
        const { state, attempts, progress, result, runAt, finishedAt } = (await find(job.id)) as JobRecord;
        assert.deepEqual(
          [state, attempts, progress, result, runAt, finishedAt],
          ['waiting', 0, null, null, null, null],
        );
        assert.deepEqual(await jobs().oldestWaitingAt(job.name), LATER, 'at the end of the line');
        assert.equal((await jobs().findUnique(job.name, job.uniqueKey ?? ''))?.id, job.id);
        assert.equal(await jobs().insert(makeJob({ name: job.name, uniqueKey: job.uniqueKey })), false);
        assert.equal(await jobs().retry(job.id, LATER), false, 'it waits already');
        assert.deepEqual(await settle(completed(held)), [job.id]);
        const again = await hold(job.name);
        assert.deepEqual(await jobs().renew([again], UNTIL), { lost: [], cancelled: [] });
        assert.deepEqual(await settle(completed(again)), []);
      }
    });

    it('retry: nothing else', async () => {
      const done = await active();
      await settle(completed(done.held));
      const others = [await insert(), await insert({ runAt: LATER }), (await active()).job, done.job];
      for (const { id } of others) {
        const before = await find(id);
        assert.equal(await jobs().retry(id, LATER), false);
        assert.deepEqual(await find(id), before);
      }
    });

    it('retry: not while another has its unique key', async () => {
      const first = await insert();
      await jobs().cancel(first.id, NOW);
      const second = await insert({ name: first.name, uniqueKey: first.uniqueKey });
      const before = await find(first.id);
      assert.equal(await jobs().retry(first.id, LATER), false);
      assert.deepEqual(await find(first.id), before);
      await jobs().cancel(second.id, NOW);
      assert.equal(await jobs().retry(first.id, LATER), true);
      assert.equal(await jobs().retry(second.id, LATER), false);
    });

    itRaces('claim: 50 callers get each of 20 jobs once', async (round) => {
      const name = newName();
      const made = await Promise.all(Array.from({ length: 20 }, () => insert({ name })));
      const { all } = await race(
        () => null,
        () => take(jobs(), name, 1 + round),
      );
      // Callers that competed for the same jobs may leave some to the next call.
      const rest = await take(jobs(), name, 50);
      const taken = [...all.map(({ outcome }) => outcome), rest].flat();
      assert.deepEqual(idsOf(taken).sort(), idsOf(made));
      assert.ok(rest.length < 20, 'somebody got one');
      assert.deepEqual(await jobs().renew(taken, UNTIL), { lost: [], cancelled: [] });
    });

    itRaces('settle: one of 50 under one claim', async () => {
      const { job, held } = await active();
      const call = async (caller: number) => (await settle(completed(held, caller))).length === 0;
      const winner = theWinner(await race((caller) => caller, call), true, false);
      assert.equal((await find(job.id))?.result, winner);
    });

    itRaces('cancel: one of 50 ends what waits', async () => {
      const job = await insert();
      const call = (caller: number) => jobs().cancel(job.id, after(NOW, caller));
      const winner = theWinner(await race((caller) => caller, call), true, false);
      assert.deepEqual((await find(job.id))?.finishedAt, after(NOW, winner));
    });

    itRaces('cancel and claim: it never starts, or whoever runs it is told', async () => {
      const name = newName();
      const made = await Promise.all(Array.from({ length: 25 }, () => insert({ name })));
      const held: Claim[] = [];
      const { tally } = await race(
        (caller) => caller,
        async (caller) => {
          if (caller % 2 === 0) return jobs().cancel(made[caller / 2]?.id ?? '', LATER);
          held.push(...(await take(jobs(), name)));
          return 'claimed';
        },
      );
      assert.deepEqual(tally, { true: 25, claimed: 25 });
      const told = await jobs().renew(held, UNTIL);
      assert.deepEqual([told.lost, told.cancelled.sort()], [[], idsOf(held).sort()]);
      const found = await Promise.all(made.map(({ id }) => find(id)));
      const running = found.flatMap((job) => (job?.state === 'active' ? [job.id] : []));
      assert.deepEqual(running, idsOf(held).sort());
      assert.equal(found.filter((job) => job?.state === 'cancelled').length, 25 - running.length);
    });

    itRaces('promote: 50 at once see one death', async () => {
      const { name, id } = await insert();
      await hold(name);
      const { all } = await race(
        () => null,
        () => jobs().promote(UNTIL, 3),
      );
      assert.ok(all.some(({ outcome }) => outcome.includes(name)));
      for (const state of ['waiting', 'failed']) {
        await hold(name);
        await jobs().promote(UNTIL, 3);
        assert.equal(await stateOf(id), state);
      }
    });

    itRaces('promote and renew: all agree whether the claim ran out', async () => {
      const { job, held } = await active();
      const call = async (caller: number) => {
        if (caller % 2 === 0) return String((await jobs().renew([held], after(UNTIL, MINUTE))).lost.length);
        await jobs().promote(UNTIL, MANY);
        return 'promoted';
      };
      const { tally } = await race((caller) => caller, call);
      const ranOut = (await stateOf(job.id)) === 'waiting';
      assert.deepEqual(tally, { [ranOut ? '1' : '0']: 25, promoted: 25 });
    });

    itRaces('promote and settle: it ended, or it runs again', async () => {
      const { job, held } = await active();
      const call = async (caller: number) => {
        if (caller % 2 === 0) return String((await settle(completed(held))).length);
        await jobs().promote(UNTIL, MANY);
        return 'promoted';
      };
      const { tally } = await race((caller) => caller, call);
      const ended = (await stateOf(job.id)) === 'completed';
      assert.deepEqual(tally, { ...(ended && { 0: 1 }), 1: ended ? 24 : 25, promoted: 25 });
      assert.equal((await take(jobs(), job.name)).length, ended ? 0 : 1);
    });

    itRaces('all verbs over the same jobs: what was told is what became of them', async () => {
      const name = newName();
      const made = await Promise.all(Array.from({ length: 40 }, () => insert({ name })));
      const held = await take(jobs(), name, 40);
      // One of ten processes holds every tenth job.
      const heldBy = (caller: number) => held.filter((_, i) => i % 10 === caller % 10);
      const ended: string[] = [];
      const verbs = [
        async (caller: number) => {
          const lost = await jobs().settle(
            heldBy(caller)
              .map((one) => completed(one))
              .toReversed(),
            LATER,
          );
          ended.push(...idsOf(heldBy(caller)).filter((id) => !lost.includes(id)));
        },
        (caller: number) => jobs().renew(heldBy(caller), UNTIL),
        () => jobs().promote(UNTIL, MANY),
        (caller: number) => Promise.all(heldBy(caller).map(({ id }) => jobs().cancel(id, LATER))),
        () => take(jobs(), name, 40, { until: after(UNTIL, MINUTE) }),
      ];
      await race(
        (caller) => caller,
        async (caller) => verbs[caller % 5]?.(Math.floor(caller / 5)),
      );
      const found = await Promise.all(made.map(({ id }) => find(id)));
      const done = found.flatMap((job) => (job?.state === 'completed' ? [job.id] : []));
      assert.deepEqual(ended.sort(), done);
    });

    itRaces('retry and insert: one of 50 gets the unique key', async () => {
      const first = await insert();
      await jobs().cancel(first.id, NOW);
      const enter = (caller: number) =>
        caller % 2 === 0 ? first : makeJob({ name: first.name, uniqueKey: first.uniqueKey });
      const call = (job: NewJob) => (job === first ? jobs().retry(job.id, LATER) : jobs().insert(job));
      const winner = theWinner(await race(enter, call), true, false);
      assert.deepEqual(idsOf(await take(jobs(), first.name, 10)), [winner.id]);
    });
  });
}
