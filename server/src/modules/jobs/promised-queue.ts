import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { after, type Clock, MINUTE, SECOND } from '../../platform/clock.ts';
import type { LossyQueue } from '../../platform/queue/bullmq-queue.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import type { JobStore } from './job-store.ts';

/** A promised job that has not ended after this time is looked up in Redis. */
const LOOK_AFTER = 1 * MINUTE;
const SWEEP_EVERY = 15 * SECOND;
const BATCH = 100;
const PAUSE_KNOWN_FOR = 1 * SECOND;
/** Attempts to store that a job has ended, and the pause between them. */
const TRIES = 20;
const PAUSE = 500;

/**
 * Keeps copies of promised jobs in the database while they are in Redis: each is stored before it is enqueued, and deleted when the worker
 * that ran it says that it has ended. Until then it is enqueued again under its own id if Redis has lost it, in whatever form, or says
 * that it has ended: whoever can write to Redis could say so. Jobs that were enqueued in the table before Redis was used move to Redis
 * the same way. Pauses of queues are in the database, too.
 */
export function createPromises(deps: { store: JobStore; clock: Clock; log: Logger }) {
  const { store, clock, log } = deps;
  const outage = createOutageLog(log, 'checking promised jobs');
  let timer: NodeJS.Timeout | undefined;

  async function lookAfter(queue: LossyQueue): Promise<void> {
    for (let count = BATCH; count === BATCH; ) {
      const jobs = await store.handed(clock(), BATCH);
      count = jobs.length;
      for (const job of jobs) await queue.restore(job, async () => (await store.find(job.id)) !== null);
      const ids = jobs.map(({ id }) => id);
      await store.lookAgain(ids, after(clock(), LOOK_AFTER));
    }
  }

  /** What was read of the pauses, and when: a worker asks before each attempt. */
  const pauses = new Map<string, { paused: boolean; at: Date }>();

  async function setPaused(name: string, paused: boolean): Promise<void> {
    await store.setPaused(name, paused);
    pauses.set(name, { paused, at: clock() });
  }

  return {
    /** Whether a queue is paused, by the database: Redis may lose it. As another process left it at most a second ago. */
    async isPaused(name: string): Promise<boolean> {
      const known = pauses.get(name);
      if (known && after(known.at, PAUSE_KNOWN_FOR) > clock()) return known.paused;
      const at = clock();
      // Without the database, what was last known holds.
      const paused = await store.isPaused(name).catch(() => known?.paused ?? false);
      pauses.set(name, { paused, at });
      return paused;
    },

    /** Stores that a promised job has ended. If the database is away for long, the job runs once more. Never rejects. */
    async ended(id: string): Promise<void> {
      for (let tries = 1; ; tries++) {
        try {
          return await store.forget([id]);
        } catch (error) {
          if (tries < TRIES) await pause(PAUSE);
          else return log.error({ err: error, jobId: id }, 'the end of a job could not be stored; it runs once more');
        }
      }
    },

    /** The same queue, whose promised jobs survive a loss of Redis. */
    over(queue: LossyQueue): LossyQueue & { lookAfter(): Promise<void> } {
      return {
        ...queue,
        async add(job) {
          if (job.promised) await store.hand(job, after(job.runAt ?? clock(), LOOK_AFTER));
          return queue.add(job);
        },
        async remove(id) {
          const removed = await queue.remove(id);
          if (removed) await store.forget([id]);
          return removed;
        },
        async cancel(id) {
          const cancelled = await queue.cancel(id);
          if (cancelled) await store.forget([id]);
          return cancelled;
        },
        async pause(name) {
          await setPaused(name, true);
          await queue.pause(name);
        },
        async resume(name) {
          await setPaused(name, false);
          await queue.resume(name);
        },
        async status(name) {
          const [status, paused] = await Promise.all([queue.status(name), store.isPaused(name)]);
          // A version before this one paused in Redis alone.
          return { ...status, paused: paused || status.paused };
        },
        lookAfter: () => lookAfter(queue),
        async start() {
          await queue.start();
          const sweep = () => void lookAfter(queue).then(outage.worked, outage.failed);
          timer = setInterval(sweep, SWEEP_EVERY).unref();
        },
        async stop(grace) {
          clearInterval(timer);
          await queue.stop(grace);
        },
      };
    },
  };
}
