import type { Logger } from 'pino';
import { after, type Clock, HOUR, MINUTE, SECOND } from '../../platform/clock.ts';
import { newId } from '../../platform/ids.ts';
import { durationsOf } from '../../platform/queue/durations.ts';
import { createFailureLog } from '../../platform/queue/failure-log.ts';
import type { JobRegistry } from '../../platform/queue/job-registry.ts';
import { type AttemptOutcome, DEATHS, type JobQueue, type JobRecord, type NewJob } from '../../platform/queue/queue.ts';
import { type Attempt, startAttempt } from '../../platform/queue/run-attempt.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import type { Claim, JobStore, Settlement } from './job-store.ts';
import { createSettler } from './settler.ts';

/** Lifetime of a claim, extended while the job runs: after a crash another worker takes the job soon after it. */
const CLAIM = 10 * SECOND;
const RENEW_EVERY = 2 * SECOND;
/** For jobs that other processes enqueued; own jobs are taken at once. */
const LOOK_EVERY = 500;
/** Minimum interval of writing progress and lines. */
const REPORT_EVERY = 500;
const BATCH = 50;
const DURATIONS = 100;

interface Running extends Claim {
  name: string;
  attempt: Attempt;
  changed: boolean;
}

/** The queue in a database table, for deployments without Redis: at least once, by the process that claims a job first. */
export function createTableQueue(deps: {
  store: JobStore;
  registry: JobRegistry;
  clock: Clock;
  log: Logger;
}): JobQueue {
  const { store, registry, clock, log } = deps;
  const outage = createOutageLog(log, 'taking jobs');
  const settler = createSettler({ store, clock, log });
  const tell = createFailureLog(log, clock);
  const running = new Map<string, Running>();
  const underway = new Set<Promise<void>>();
  /** Names whose queue may have waiting jobs. */
  const toLook = new Set<string>();
  let isPromotionDue = false;
  let ended = 0;
  let pumping: Promise<void> | null = null;
  let started = false;
  let stopped = false;
  let isLookComing = false;
  let nextLook: { at: number; timer: NodeJS.Timeout } | null = null;
  let renewal: NodeJS.Timeout | undefined;
  let reporting: NodeJS.Timeout | undefined;

  const activeOf = (name: string) => [...running.values()].filter((job) => job.name === name).length;

  function begin(job: JobRecord, claim: string): void {
    const definition = registry.find(job.name);
    if (!definition) return;
    const entry = { id: job.id, claim, name: job.name, changed: false } as Running;
    entry.attempt = startAttempt(definition, job, () => {
      entry.changed = true;
    });
    running.set(job.id, entry);
    const work = entry.attempt.outcome
      .then((outcome) => {
        tell(job, outcome);
        return settler.settle(settlementOf(job, entry, outcome));
      })
      .finally(() => {
        // After a lost claim, this process may have claimed the job again already.
        if (running.get(job.id) === entry) running.delete(job.id);
        underway.delete(work);
        ended++;
        wake(job.name);
      });
    underway.add(work);
  }

  function settlementOf(job: JobRecord, { claim, attempt }: Running, outcome: AttemptOutcome): Settlement {
    const base = { id: job.id, claim, ...attempt.shown, failure: outcome.failure ?? job.failure, runAt: null };
    const attempts = job.attempts + 1;
    // At its former place, not behind later jobs.
    if (outcome.state === 'returned')
      return { ...base, state: 'waiting', attempts: job.attempts, runAt: job.createdAt };
    if (outcome.state === 'completed') return { ...base, state: 'completed', attempts, result: outcome.result };
    if (outcome.retryAfter === undefined) return { ...base, state: outcome.state, attempts };
    return { ...base, state: 'delayed', attempts, runAt: after(clock(), outcome.retryAfter) };
  }

  async function take(name: string): Promise<void> {
    const free = Math.min((registry.find(name)?.concurrency ?? 0) - activeOf(name), BATCH);
    if (free <= 0) return;
    const claim = newId(clock());
    const now = clock();
    const jobs = await store.claim(name, free, { claim, now, until: after(now, CLAIM) });
    for (const job of jobs) begin(job, claim);
    if (jobs.length === free) toLook.add(name);
  }

  async function pump(): Promise<void> {
    if (isPromotionDue) {
      isPromotionDue = false;
      // Own claims first: a clock that jumps ahead must not expire jobs that run here. Nothing is claimed at the same time.
      await renew();
      await store.promote(clock(), DEATHS);
      for (const name of registry.names()) toLook.add(name);
    }
    for (const name of toLook) {
      if (stopped) return;
      toLook.delete(name);
      await take(name);
    }
  }

  /** Looks at the queues in `toLook` until none is left. */
  function look(): Promise<void> {
    pumping ??= pump().finally(() => {
      pumping = null;
      // A wake-up between the last look and here must not be lost; a queue that failed is looked at later.
      if ((toLook.size > 0 || isPromotionDue) && !stopped) look().then(outage.worked, outage.failed);
    });
    return pumping;
  }

  function wake(name: string): void {
    if (!started || stopped || activeOf(name) >= (registry.find(name)?.concurrency ?? 0)) return;
    toLook.add(name);
    // In the next turn of the event loop, so that all jobs that end or arrive in this one share a look.
    if (isLookComing) return;
    isLookComing = true;
    setImmediate(() => {
      isLookComing = false;
      if (!stopped) look().then(outage.worked, outage.failed);
    });
  }

  /** Promotes due jobs, and looks at every queue. */
  async function promoteAndLook(): Promise<void> {
    isPromotionDue = true;
    // A running look may be past its promotion, so another one follows it.
    do await look();
    while ((isPromotionDue || pumping !== null) && !stopped);
  }

  function lookLater(milliseconds: number): void {
    const at = performance.now() + milliseconds;
    if (stopped || (nextLook !== null && nextLook.at <= at)) return;
    if (nextLook) clearTimeout(nextLook.timer);
    nextLook = { at, timer: setTimeout(lookAndWait, milliseconds).unref() };
  }

  function lookAndWait(): void {
    nextLook = null;
    promoteAndLook()
      .then(outage.worked, outage.failed)
      .then(() => store.nextDueAt())
      .then(
        (dueAt) => lookLater(waitUntil(dueAt)),
        () => lookLater(LOOK_EVERY),
      );
  }

  const waitUntil = (dueAt: Date | null) =>
    dueAt === null ? LOOK_EVERY : Math.max(1, Math.min(dueAt.getTime() - clock().getTime(), LOOK_EVERY));

  async function renew(): Promise<void> {
    const held = [...running.values()];
    if (held.length === 0) return;
    const { lost, cancelled } = await store.renew(held, after(clock(), CLAIM));
    for (const { id, attempt } of held) {
      if (lost.includes(id)) attempt.abort('lost');
      else if (cancelled.includes(id)) attempt.abort('cancelled');
    }
  }

  async function report(): Promise<void> {
    for (const entry of running.values()) {
      if (!entry.changed) continue;
      entry.changed = false;
      await store.report(entry.id, entry.claim, entry.attempt.shown);
    }
  }

  return {
    async add(job: NewJob) {
      for (;;) {
        if (await store.insert(job)) {
          if (job.runAt === null) wake(job.name);
          else if (started) lookLater(waitUntil(job.runAt));
          return job.id;
        }
        if (await store.find(job.id)) return job.id;
        const present = job.uniqueKey === null ? null : await store.findUnique(job.name, job.uniqueKey);
        // If there is none, it has ended in the meantime and freed the key: try again.
        if (present) return present.id;
      }
    },

    find: store.find,
    list: store.list,
    count: store.count,
    remove: store.remove,
    pause: (name) => store.setPaused(name, true),

    async resume(name) {
      await store.setPaused(name, false);
      wake(name);
    },

    async retry(id) {
      const again = await store.retry(id, clock());
      if (again) for (const name of registry.names()) wake(name);
      return again;
    },

    async cancel(id) {
      const done = await store.cancel(id, clock());
      if (done) running.get(id)?.attempt.abort('cancelled');
      return done;
    },

    async status(name) {
      const now = clock();
      const ended = (state: 'completed' | 'failed', since: number) => store.countEnded(name, state, after(now, -since));
      const [paused, counts, lastMinute, lastHour, failedLastHour, durations, oldestWaitingAt] = await Promise.all([
        store.isPaused(name),
        store.counts(name),
        ended('completed', MINUTE),
        ended('completed', HOUR),
        ended('failed', HOUR),
        store.durations(name, DURATIONS),
        store.oldestWaitingAt(name),
      ]);
      const throughput = { lastMinute, lastHour, failedLastHour };
      return { name, paused, counts, throughput, durations: durationsOf(durations), oldestWaitingAt };
    },

    activeHere: () => running.size,

    async start() {
      started = true;
      const repeat = (work: () => Promise<void>, every: number) =>
        setInterval(() => void work().catch(() => {}), every);
      renewal = repeat(renew, RENEW_EVERY).unref();
      reporting = repeat(report, REPORT_EVERY).unref();
      lookAndWait();
    },

    async drain() {
      const before = ended;
      for (;;) {
        const seen = ended;
        await promoteAndLook();
        while (underway.size > 0) await Promise.all(underway);
        if (ended === seen) return ended - before;
      }
    },

    async stop(grace) {
      stopped = true;
      if (nextLook) clearTimeout(nextLook.timer);
      await pumping?.catch(() => {});
      const timer = setTimeout(() => {
        for (const { attempt } of running.values()) attempt.abort('stopping');
      }, grace);
      while (underway.size > 0) await Promise.all(underway);
      clearTimeout(timer);
      clearInterval(renewal);
      clearInterval(reporting);
    },
  };
}
