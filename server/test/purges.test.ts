import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import { KEPT as AUTH_KEPT } from '../src/modules/auth/jobs.ts';
import { RUNS_KEPT } from '../src/modules/events/jobs.ts';
import { WORKERS_KEPT } from '../src/modules/jobs/jobs.ts';
import { NONCES_KEPT } from '../src/modules/password-encryption/jobs.ts';
import type { ScheduleRecord } from '../src/modules/schedules/schedule-store.ts';
import { SESSIONS_KEPT } from '../src/modules/sessions/jobs.ts';
import { GRACE_PERIOD } from '../src/modules/users/names.ts';
import { after, DAY, HOUR } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import type { JobRecord } from '../src/platform/queue/queue.ts';
import { JOBS_KEPT } from '../src/platform/queue/queue.ts';
import { openTestApp, type TestApp } from './app.ts';
import { ok, type Person } from './client.ts';
import { testDatabases } from './databases.ts';
import {
  makeChallenge,
  makeEvent,
  makeId,
  makeJob,
  makeNonce,
  makeRegistration,
  makeSession,
  makeWorker,
} from './fixtures.ts';
import { signIn } from './matrix/world.ts';
import { atOnce, refused, type Scene, somebody, withScene } from './scenario.ts';

const RETENTION = 90 * DAY;
const ENV = { EVENT_RETENTION: '90d' };

const KEPT = {
  ...AUTH_KEPT,
  sessions: SESSIONS_KEPT,
  scheduleRuns: RUNS_KEPT,
  workers: WORKERS_KEPT,
  nonces: NONCES_KEPT,
};

const SCHEDULES = {
  'purge.registrations': '7 * * * *',
  'purge.challenges': '17 * * * *',
  'purge.nonces': '22 * * * *',
  'purge.sessions': '27 3 * * *',
  'purge.events': '37 3 * * *',
  'purge.jobs': '47 * * * *',
  'users.erase-deleted': '57 * * * *',
};
const NIGHTLY = { 'purge.sessions': true, 'purge.events': true };
/** Those whose things can be looked at; the others have tests of their own. */
const PURGES = Object.keys(SCHEDULES).filter((name) => !['users.erase-deleted', 'purge.nonces'].includes(name));

/** Something in the database. `left`: how many milliseconds of its time there are; negative: over; null: it has no end. */
interface Thing {
  purge: string;
  what: string;
  left: number | null;
  isThere(): Promise<boolean>;
}

/** One millisecond past its time, at its very end, and well within it. */
const LEFT = [-1, 0, HOUR];

/** Makes things of every kind around the moment at which they may go. */
function createMaker({ app: { storage }, time }: TestApp) {
  const now = time.now;
  const ago = (kept: number, left: number) => after(now, left - kept);
  const there = async (found: Promise<unknown>) => (await found) !== null;

  const event = async (what: string, kept: number, left: number | null, type: string, pending = false) => {
    const at = ago(kept, left ?? -DAY);
    const made = makeEvent(`test:${makeId()}`, { id: makeId(at), at, type, pending });
    assert.equal(await storage.events.record(made, 1), true);
    return { purge: 'purge.events', what, left, isThere: () => there(storage.events.find(made.id)) };
  };

  return {
    async registration(left: number, { begun = left, expired = left } = {}): Promise<Thing> {
      const createdAt = ago(KEPT.registrations, begun);
      const made = makeRegistration({
        id: makeId(createdAt),
        createdAt,
        codeExpiresAt: ago(KEPT.registrations, expired),
      });
      await storage.registrations.create(made, makeEvent(`registration:${made.id}`, { at: now, id: makeId(now) }));
      const isThere = () => there(storage.registrations.find(made.id));
      return { purge: 'purge.registrations', what: 'registration', left, isThere };
    },

    async challenge(left: number): Promise<Thing> {
      const createdAt = ago(KEPT.challenges, left);
      const made = makeChallenge({ id: makeId(createdAt), createdAt });
      await storage.challenges.create(made, makeEvent(`challenge:${made.id}`, { at: now, id: makeId(now) }));
      const isThere = () => there(storage.challenges.find(made.id));
      return { purge: 'purge.challenges', what: 'challenge', left, isThere };
    },

    async session(left: number, ends: 'ended' | 'idled out'): Promise<Thing> {
      const at = ago(KEPT.sessions, left);
      const fields = { createdAt: after(at, -DAY), expiresAt: after(now, 100 * DAY) };
      const made = makeSession(
        ends === 'ended'
          ? { ...fields, idleExpiresAt: after(at, 30 * DAY), endedAt: at, endReason: 'signed_out' }
          : { ...fields, idleExpiresAt: at },
      );
      await storage.sessions.create(made, makeEvent(`session:${made.id}`, { at: now, id: makeId(now) }));
      const isThere = () => there(storage.sessions.find(made.id));
      return { purge: 'purge.sessions', what: `session that ${ends}`, left, isThere };
    },

    event: (left: number) => event('event', RETENTION, left, 'thing.happened'),
    run: (left: number) => event('run of a schedule', KEPT.scheduleRuns, left, 'schedule_run.missed'),
    undelivered: () => event('event that waits for its handler', RETENTION, null, 'thing.happened', true),
    youngEvent: () => event('event as old as runs are kept', KEPT.scheduleRuns, null, 'thing.happened'),

    async job(left: number | null, state: 'completed' | 'cancelled' | 'failed'): Promise<Thing> {
      const at = ago(JOBS_KEPT[state], left ?? -DAY);
      const job = makeJob({ id: makeId(at), createdAt: at });
      assert.equal(await storage.jobs.insert(job), true);
      const isThere = () => there(storage.jobs.find(job.id));
      if (left === null) return { purge: 'purge.jobs', what: 'job that waits', left, isThere };
      const claim = makeId();
      assert.equal((await storage.jobs.claim(job.name, 1, { claim, now: at, until: after(now, DAY) })).length, 1);
      const end = { attempts: 1, progress: null, log: [], failure: null, runAt: null };
      assert.deepEqual(await storage.jobs.settle([{ id: job.id, claim, state, ...end }], at), []);
      return { purge: 'purge.jobs', what: `${state} job`, left, isThere };
    },

    async worker(left: number): Promise<Thing> {
      const made = makeWorker({ seenAt: ago(KEPT.workers, left) });
      await storage.workers.heartbeat(made);
      const isThere = async () => (await storage.workers.list(new Date(0))).some(({ id }) => id === made.id);
      return { purge: 'purge.jobs', what: 'worker', left, isThere };
    },
  };
}

async function populate(t: TestApp): Promise<Thing[]> {
  const make = createMaker(t);
  const things = [await make.undelivered(), await make.youngEvent(), await make.job(null, 'completed')];
  for (const left of LEFT) {
    things.push(
      await make.registration(left),
      await make.challenge(left),
      await make.session(left, 'ended'),
      await make.session(left, 'idled out'),
      await make.event(left),
      await make.run(left),
      await make.job(left, 'completed'),
      await make.job(left, 'cancelled'),
      await make.job(left, 'failed'),
      await make.worker(left),
    );
  }
  // Both must be over: a new code may have been mailed late.
  things.push(await make.registration(0, { begun: -DAY }), await make.registration(0, { expired: -DAY }));
  return things;
}

/** Runs a job to its end; what it answered. */
async function runJob<T>({ app }: TestApp, name: string): Promise<T> {
  const id = await app.jobs.enqueue(name, {});
  await app.queue.drain();
  const job = await app.queue.find(id);
  assert.equal(job?.state, 'completed', JSON.stringify(job?.failure));
  return job.result as T;
}

const say = ({ what, left }: Thing) => `${what}, ${left}`;

for (const { name, freshUrl } of testDatabases()) {
  const onDatabase = (run: (s: Scene) => Promise<void>) => withScene(run, { freshUrl, env: ENV });

  describe(`purges (${name})`, () => {
    test('each takes what is over and nothing else, to the millisecond, and the second time nothing', () =>
      onDatabase(async (s) => {
        const things = await populate(s);
        const gone = new Set<Thing>();
        for (const isLater of [false, true]) {
          if (isLater) s.time.forward(1);
          for (const purge of PURGES) {
            const over = things.filter((thing) => thing.purge === purge && thing.left === (isLater ? 0 : -1));
            assert.ok(over.length > 0);
            // Workers are no records that count.
            const counted = over.filter(({ what }) => what !== 'worker').length;
            assert.deepEqual(await runJob(s, purge), { removed: counted }, purge);
            for (const thing of over) gone.add(thing);
            for (const thing of things) {
              assert.equal(await thing.isThere(), !gone.has(thing), `after ${purge}: ${say(thing)}`);
            }
            assert.deepEqual(await runJob(s, purge), { removed: 0 }, `${purge}, again`);
          }
        }
      }));

    test('more than a batch, by two instances at once: all of it goes, each thing once', (t) =>
      onDatabase(async (s) => {
        const make = createMaker(s);
        // More than one batch.
        const many = 520;
        const over: Thing[] = [];
        const kept: Thing[] = [];
        for (let i = 0; i < many; i += 20) {
          const made = await atOnce(20, async () => [
            await make.registration(-1),
            await make.challenge(-1),
            await make.session(-1, 'idled out'),
            await make.event(-1),
            await make.job(-1, 'completed'),
          ]);
          over.push(...made.flat());
          kept.push(await make.session(DAY, 'ended'), await make.event(DAY), await make.registration(0));
        }
        // Two instances in one process block each other on SQLite, which has but one process anyway: there, one after the other.
        const alone = name === 'sqlite';
        const beside = alone ? s : await openTestApp({ databaseUrl: s.databaseUrl, time: s.time, env: ENV });
        try {
          for (const purge of PURGES) {
            const ids = await Promise.all([s, beside].map(({ app }) => app.jobs.enqueue(purge, {})));
            await Promise.all([s, beside].map(({ app }) => app.queue.drain()));
            const ran = await Promise.all(ids.map((id) => s.app.queue.find(id)));
            assert.deepEqual(
              ran.map((job) => job?.state),
              ['completed', 'completed'],
              JSON.stringify(ran),
            );
            const counts = ran.map((job) => (job as JobRecord & { result: { removed: number } }).result.removed);
            t.diagnostic(`${name}: ${purge} took ${counts.join(' and ')}`);
            assert.equal(
              counts.reduce((sum, count) => sum + count, 0),
              many,
              purge,
            );
          }
        } finally {
          if (!alone) await beside.close();
        }
        for (const thing of over) assert.equal(await thing.isThere(), false, say(thing));
        for (const thing of kept) assert.equal(await thing.isThere(), true, say(thing));
      }));

    test('used nonces go an hour after they expired, to the millisecond, in as many batches as it takes', () =>
      onDatabase(async (s) => {
        const { nonces } = s.app.storage;
        const made = (left: number) => makeNonce({ expiresAt: after(s.time.now, left - KEPT.nonces) });
        const [over, just] = [made(-1), made(0)];
        for (const nonce of [over, just]) assert.equal(await nonces.use(nonce), true);
        for (let i = 0; i < 520; i += 20) await atOnce(20, () => nonces.use(made(-DAY)));
        assert.deepEqual(await runJob(s, 'purge.nonces'), { removed: 521 });
        assert.deepEqual(await runJob(s, 'purge.nonces'), { removed: 0 });
        assert.equal(await nonces.use(just), false, 'it is kept');
        s.time.forward(1);
        assert.deepEqual(await runJob(s, 'purge.nonces'), { removed: 1 });
      }));

    test('each has its schedule, which runs it at its tick, and once for all that nobody was there for', () =>
      onDatabase(async (s) => {
        const { app, time } = s;
        const read = async () => (await app.storage.schedules.list()).filter(({ job }) => job in SCHEDULES);
        const made = await read();
        assert.deepEqual(
          made.map(({ job, timing, enabled, origin }) => [job, timing, enabled, origin]).sort(),
          Object.entries(SCHEDULES)
            .map(([job, expression]) => [job, { kind: 'cron', expression, timeZone: 'UTC' }, true, 'code'])
            .sort(),
        );
        /** Whether each run so far was late, and that each became a job that completed. */
        async function runsOf({ id, job }: ScheduleRecord): Promise<unknown[]> {
          const events = await app.storage.events.listForTarget(`schedule:${id}`);
          const runs = events.filter(({ type }) => type.startsWith('schedule_run.'));
          for (const run of runs) {
            assert.equal(run.type, 'schedule_run.due');
            // What completed a day ago may be gone: a purge was among them.
            if (run.at < after(time.now, -DAY)) continue;
            assert.equal((await app.queue.find(app.jobs.idOf(job, run.id)))?.state, 'completed', job);
          }
          return runs.map(({ data }) => data.late);
        }
        /** The first look may be one that was under way, with the time from before. */
        async function lookAt(now: Date): Promise<void> {
          time.now = now;
          await app.scheduler.tick();
          await app.scheduler.tick();
          await s.work();
        }
        const dueAt = ({ nextRunAt }: ScheduleRecord) => nextRunAt?.getTime() ?? 0;
        for (const schedule of made.sort((a, b) => dueAt(a) - dueAt(b))) {
          await lookAt(new Date(dueAt(schedule) - 1));
          assert.deepEqual(await runsOf(schedule), [], schedule.job);
          await lookAt(new Date(dueAt(schedule)));
          assert.deepEqual(await runsOf(schedule), [false], schedule.job);
        }
        const before = new Map<string, number>();
        for (const schedule of made) before.set(schedule.id, (await runsOf(schedule)).length);
        await lookAt(after(time.now, 12 * HOUR));
        await lookAt(after(time.now, DAY));
        for (const schedule of await read()) {
          const runs = (await runsOf(schedule)).slice(before.get(schedule.id));
          // Those of once a day had no tick in the first half of it.
          assert.deepEqual(runs, schedule.job in NIGHTLY ? [true] : [true, true], schedule.job);
          assert.ok(dueAt(schedule) > time.now.getTime(), 'and goes on');
        }
      }));

    test('an account that was deleted is erased 30 days later, and its address is free again', () =>
      onDatabase(async (s) => {
        const person = somebody();
        const { user } = await deleted(s, person);
        s.time.forward(GRACE_PERIOD);
        assert.deepEqual(await runJob(s, 'users.erase-deleted'), { erased: 0 });
        assert.equal((await s.app.storage.users.find(user.id))?.status, 'deleted');
        const taken = await s.client.send('POST', '/auth/register', {
          body: { ...somebody(), username: person.username },
        });
        refused(taken, 409, 'username_taken');
        s.time.forward(1);
        assert.deepEqual(await runJob(s, 'users.erase-deleted'), { erased: 1 });
        await s.work();
        assert.equal(await s.app.storage.users.find(user.id), null);
        assert.deepEqual(await runJob(s, 'users.erase-deleted'), { erased: 0 });
        const again = await s.client.register(person);
        assert.notEqual(again.user.id, user.id);
        assert.equal(again.user.username, person.username);
      }));

    test('who was restored in time stays, who was restored in the very moment is either whole or gone', (t) =>
      onDatabase(async (s) => {
        const early = await deleted(s, somebody());
        const root = await superadmin(s);
        const restore = (id: string, token: string) => s.client.send('POST', `/admin/users/${id}/restore`, { token });
        ok(await restore(early.user.id, root.token), 200);
        const racers: Person[] = [];
        const ids: string[] = [];
        for (let i = 0; i < 12; i++) {
          const person = somebody();
          racers.push(person);
          ids.push((await deleted(s, person)).user.id);
        }
        s.time.forward(GRACE_PERIOD + 1);
        const { token } = await signIn(s, root);
        const answers: LightMyRequestResponse[] = [];
        // From the other end, so that they meet in the middle.
        const restoreAll = async () => {
          for (const id of ids.toReversed()) answers.unshift(await restore(id, token));
        };
        const [job] = await Promise.all([runJob<{ erased: number }>(s, 'users.erase-deleted'), restoreAll()]);
        await s.work();
        const restored = answers.filter(({ statusCode }) => statusCode === 200).length;
        t.diagnostic(`${name}: ${restored} restored, ${job.erased} erased`);
        for (const [index, answer] of answers.entries()) {
          const user = await s.app.storage.users.find(ids[index] ?? '');
          if (answer.statusCode === 200) {
            assert.equal(user?.status, 'active');
            await s.client.login(racers[index] ?? assert.fail());
          } else {
            refused(answer, 404, 'user_not_found');
            assert.equal(user, null);
          }
        }
        assert.equal(job.erased, ids.length - restored);
        assert.equal((await s.app.storage.users.find(early.user.id))?.status, 'active');
        const login = { login: early.person.email, password: early.person.password };
        ok(await s.client.send('POST', '/auth/login', { body: login }), 200);
      }));

    test('a superadmin who was deleted past all rules is not erased, and the log of the job says so', () =>
      onDatabase(async (s) => {
        const { users } = s.app.storage;
        const other = await deleted(s, somebody());
        const made = await superadmin(s);
        const happened = () => makeEvent(`user:${made.id}`, { id: makeId(s.time.now), at: s.time.now, pending: false });
        const at = async () => {
          const { id, version } = (await users.find(made.id)) ?? assert.fail();
          return { id, version, now: s.time.now };
        };
        assert.equal(await users.softDelete(await at(), { sessionEpoch: 5, grantEpoch: 5 }, happened()), 'ok');
        assert.equal(await users.setSuperadminMark(await at(), true, happened()), 'ok');
        s.time.forward(GRACE_PERIOD + 1);
        const id = await s.app.jobs.enqueue('users.erase-deleted', {});
        await s.work();
        const job = await s.app.queue.find(id);
        assert.deepEqual(job?.result, { erased: 1 });
        assert.deepEqual(job?.log, [`${made.id}: superadmin_protected`]);
        assert.equal((await users.find(made.id))?.status, 'deleted');
        // What follows from the erasure.
        await s.work();
        assert.equal(await users.find(other.user.id), null);
      }));
  });
}

/** Somebody who had an account and deleted it just now. */
async function deleted(s: Scene, person: Required<Person>) {
  const { accessToken: token, user } = await s.client.register(person);
  ok(await s.client.send('DELETE', '/users/me', { token }), 204);
  await s.work();
  return { person, user };
}

async function superadmin(s: Scene) {
  const person = somebody();
  const { id } = await s.app.setup.createUser(SYSTEM_CALLER, { ...person, superadmin: true });
  return { id, ...person, ...(await signIn(s, person)) };
}
