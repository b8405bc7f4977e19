import { Type } from 'typebox';
import { after, type Clock, DAY, HOUR, MINUTE } from '../../platform/clock.ts';
import { outcomeOf } from '../../platform/errors.ts';
import { SYSTEM_CALLER } from '../../platform/http/system-caller.ts';
import { defineJob, type JobContext } from '../../platform/queue/define-job.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import { JOBS_KEPT } from '../../platform/queue/queue.ts';
import type { UserAdmin } from '../admin/user-admin.ts';
import type { ChallengeStore } from '../auth/challenge-store.ts';
import type { RegistrationStore } from '../auth/registration-store.ts';
import type { EventStore } from '../events/event-store.ts';
import type { ThrottleStore } from '../guessing/throttle-store.ts';
import type { JobStore } from '../jobs/job-store.ts';
import type { WorkerStore } from '../jobs/worker-store.ts';
import type { NonceStore } from '../password-encryption/nonce-store.ts';
import type { Schedules } from '../schedules/schedules.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { UserStore } from '../users/user-store.ts';

/** How long things are kept after their end. Milliseconds. */
export const KEPT = {
  /** Codes and links expire long before; until then they count against what may be mailed. */
  registrations: 7 * DAY,
  challenges: 7 * DAY,
  /** By these a sign-in from a known device is told from one that is new. */
  sessions: 90 * DAY,
  scheduleRuns: 30 * DAY,
  workers: 1 * DAY,
  /** Past their expiry: an instance whose clock is behind must still find one used. */
  nonces: 1 * HOUR,
};

/** How long an account that was deleted can be restored. The contract says so to its owner. */
export const GRACE_PERIOD = 30 * DAY;

const BATCH = 500;
const NOTHING = Type.Object({}, { additionalProperties: false });

/** What takes away what is over: a job for each kind, and its schedule. All may run twice, and beside themselves. */
export function registerPurges(deps: {
  jobs: Jobs;
  schedules: Schedules;
  admin: UserAdmin;
  userStore: UserStore;
  registrationStore: RegistrationStore;
  challengeStore: ChallengeStore;
  sessionStore: SessionStore;
  eventStore: EventStore;
  /** Null: Redis keeps the jobs, and forgets them itself. */
  jobStore: JobStore | null;
  workerStore: WorkerStore;
  throttleStore: ThrottleStore;
  nonceStore: NonceStore;
  eventRetention: number;
  clock: Clock;
}): void {
  const { jobs, schedules, admin, userStore, eventStore, sessionStore, jobStore, clock } = deps;

  /** A job without arguments that runs by a cron expression, in UTC. */
  function periodic(name: string, expression: string, run: (context: JobContext) => Promise<unknown>): void {
    jobs.register(
      defineJob({ name, schema: NOTHING, concurrency: 1, timeout: 30 * MINUTE, run: (_args, context) => run(context) }),
    );
    schedules.define({ name, job: name, timing: { kind: 'cron', expression, timeZone: 'UTC' }, missed: 'runOnce' });
  }

  const ago = (milliseconds: number) => after(clock(), -milliseconds);

  periodic('purge.registrations', '7 * * * *', (context) => {
    const before = ago(KEPT.registrations);
    return untilDone(context, () => deps.registrationStore.purge(before, BATCH));
  });

  periodic('purge.challenges', '17 * * * *', (context) => {
    const before = ago(KEPT.challenges);
    return untilDone(context, () => deps.challengeStore.purge(before, BATCH));
  });

  periodic('purge.throttles', '12 * * * *', (context) => {
    const now = clock();
    return untilDone(context, () => deps.throttleStore.purge(now, BATCH));
  });

  periodic('purge.nonces', '22 * * * *', (context) => {
    const before = ago(KEPT.nonces);
    return untilDone(context, () => deps.nonceStore.purge(before, BATCH));
  });

  periodic('purge.sessions', '27 3 * * *', async ({ signal }) => {
    const before = ago(KEPT.sessions);
    let removed = 0;
    for (let after: string | null = null; ; ) {
      signal.throwIfAborted();
      const page = await sessionStore.purge(before, { after, limit: BATCH });
      removed += page.removed;
      if (page.last === null) return { removed };
      after = page.last;
    }
  });

  periodic('purge.events', '37 3 * * *', async (context) => {
    const runs = { before: ago(KEPT.scheduleRuns), type: 'schedule_run.*' };
    const past = { before: ago(deps.eventRetention) };
    const { removed } = await untilDone(context, () => eventStore.purge(runs, BATCH));
    return { removed: removed + (await untilDone(context, () => eventStore.purge(past, BATCH))).removed };
  });

  periodic('purge.jobs', '47 * * * *', async (context) => {
    await deps.workerStore.purge(ago(KEPT.workers));
    if (!jobStore) return { removed: 0 };
    const purge = (state: keyof typeof JOBS_KEPT) =>
      untilDone(context, () => jobStore.purge(state, ago(JOBS_KEPT[state]), BATCH));
    const results = [await purge('completed'), await purge('cancelled'), await purge('failed')];
    return { removed: results.reduce((sum, { removed }) => sum + removed, 0) };
  });

  /** Who was restored at the last moment is neither erased nor refused. */
  async function isStillThere(id: string): Promise<boolean> {
    const user = await userStore.find(id);
    return user !== null && user.status !== 'erased';
  }

  periodic('users.erase-deleted', '57 * * * *', async ({ signal, log }) => {
    const deletedBefore = ago(GRACE_PERIOD);
    const refused = new Set<string>();
    let erased = 0;
    for (;;) {
      const ids = (await userStore.listDeletedBefore(deletedBefore, BATCH)).filter((id) => !refused.has(id));
      if (ids.length === 0) return { erased };
      for (const id of ids) {
        signal.throwIfAborted();
        const refusal = await outcomeOf(admin.erase(SYSTEM_CALLER, id, { deletedBefore }));
        if (refusal !== null) log(`${id}: ${refusal.code}`);
        else if (!(await isStillThere(id))) erased++;
        refused.add(id);
      }
    }
  });
}

/** Batch after batch, so that no statement holds up others for long. */
async function untilDone({ signal }: JobContext, purge: () => Promise<number>): Promise<{ removed: number }> {
  for (let removed = 0; ; ) {
    signal.throwIfAborted();
    const count = await purge();
    removed += count;
    if (count === 0) return { removed };
  }
}
