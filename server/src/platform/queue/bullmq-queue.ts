import { setTimeout as pause } from 'node:timers/promises';
import { type Job, Queue } from 'bullmq';
import { SECOND } from '../clock.ts';
import { within } from '../database/time-limit.ts';
import { platformErrors } from '../errors.ts';
import { isId } from '../ids.ts';
import type { RedisConnections } from '../redis/connect.ts';
import type { Logger } from '../telemetry/log.ts';
import { dataOf, type JobData, optionsOf } from './bullmq-records.ts';
import { createBullmqViews } from './bullmq-views.ts';
import { createBullmqWorkers } from './bullmq-workers.ts';
import { createCancelledJobs } from './cancelled-jobs.ts';
import { createFormerQueues } from './former-queues.ts';
import type { JobRegistry } from './job-registry.ts';
import { JOBS_KEPT, type JobQueue, type JobRecord, type NewJob } from './queue.ts';
import { removeUnreadable } from './read-job.ts';

/** Redis counts as away if it does not answer within this time. */
const PATIENCE = 3 * SECOND;
const DRAIN_PAUSE = 10;
/** States of BullMQ in which a job will run, or runs. */
const LIVES: readonly string[] = ['waiting', 'prioritized', 'delayed', 'active'];

/** A queue that may lose what it was given, and can be told again. */
export interface LossyQueue extends JobQueue {
  /**
   * Enqueues a promised job again, under its own id, unless it waits or runs: whatever Redis has lost of it, and whatever Redis says of its
   * end. Jobs that wait under the names of earlier versions move here. `isPromised` is asked late, so that a job that ends meanwhile stays
   * ended.
   */
  restore(job: NewJob, isPromised: () => Promise<boolean>): Promise<void>;
}

/** The queues in Redis, by BullMQ, for any number of processes. All calls reject with `unavailable` (503) while Redis is away. */
export function createBullmqQueue(deps: {
  redis: RedisConnections;
  registry: JobRegistry;
  log: Logger;
  /** Called when a promised job has ended, before Redis is told. Never rejects. */
  onEnded?: (id: string) => Promise<void>;
  /** Whether a queue is paused, whatever Redis says: asked before each attempt. */
  isPaused?: (name: string) => Promise<boolean>;
  prefix?: string;
}): LossyQueue {
  // In braces: all keys are on one node of a cluster, as BullMQ requires.
  const { redis, registry, log, onEnded = async () => {}, isPaused, prefix = prefixOf(deps.redis.space) } = deps;
  const queues = new Map<string, Queue<JobData>>();
  const cancelled = createCancelledJobs({ redis: redis.commands, prefix, keep: JOBS_KEPT.cancelled });
  const former = createFormerQueues({ redis: redis.commands, registry });
  let started = false;
  const workers = createBullmqWorkers({ redis, registry, cancelled, onEnded, holds, prefix, log });

  const { isAskedToCancel } = workers;
  const views = createBullmqViews({ redis, registry, cancelled, queueOf, isAskedToCancel });
  const { find, findJob, findUnreadable, findCancelled, stateOf, recordOf, isIdle } = views;

  /** True if the queue is paused and Redis has forgotten it: it is told again. */
  async function holds(name: string): Promise<boolean> {
    if (!(await isPaused?.(name))) return false;
    await queueOf(name).pause();
    return true;
  }

  function queueOf(name: string): Queue<JobData> {
    const known = queues.get(name);
    if (known) return known;
    const queue = new Queue<JobData>(name, {
      connection: redis.commands,
      prefix,
      defaultJobOptions: { keepLogs: 100, stackTraceLimit: 1 },
    });
    // The connection has its own error listener.
    queue.on('error', () => {});
    // One that was opened while Redis went away would fail for ever.
    queue.waitUntilReady().catch(() => queues.delete(name));
    queues.set(name, queue);
    return queue;
  }

  async function reached<T>(work: Promise<T>): Promise<T> {
    try {
      return await within(PATIENCE, work);
    } catch (cause) {
      throw platformErrors.unavailable({ cause, headers: { 'retry-after': '1' } });
    }
  }

  /** Takes the unique key for a job that starts again, as BullMQ does for new ones; false while another job has it. */
  async function takeKey({ name, id, uniqueKey }: Pick<JobRecord, 'name' | 'id' | 'uniqueKey'>): Promise<boolean> {
    if (uniqueKey === null) return true;
    return (await redis.commands.set(queueOf(name).toKey(`de:${uniqueKey}`), id, 'NX')) === 'OK';
  }

  async function retry(id: string): Promise<boolean> {
    const gone = await findCancelled(id);
    if (gone?.unreadable) return false;
    if (gone) {
      const again = { ...gone, runAt: null, promised: false };
      if ((await queueOf(gone.name).getDeduplicationJobId(gone.uniqueKey ?? '')) !== null) return false;
      if (!(await cancelled.remove(gone.name, id))) return false;
      await workers.forgetCancel(gone.name, id);
      await queueOf(gone.name).add(gone.name, dataOf(again), optionsOf(again));
      return true;
    }
    const job = await findJob(id);
    if (!job || (await stateOf(job)) !== 'failed') return false;
    if (!(await takeKey({ name: job.name, id, uniqueKey: job.opts.deduplication?.id ?? null }))) return false;
    try {
      await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
      return true;
    } catch (error) {
      // Another process was faster.
      if ((await find(id))?.state === 'failed') throw error;
      return false;
    }
  }

  async function cancel(id: string): Promise<boolean> {
    for (let tries = 0; tries < 3; tries++) {
      const job = await findJob(id);
      const state = job && (await stateOf(job));
      if (!job || !state || state === 'completed' || state === 'failed') return false;
      if (state === 'active') {
        await workers.askToCancel(job.name, id);
        return true;
      }
      const record = await recordOf(job, 'cancelled');
      // False if a worker has taken it meanwhile.
      if (await removed(job)) {
        await cancelled.add({ ...record, runAt: null, finishedAt: new Date() });
        return true;
      }
    }
    return false;
  }

  async function removed(job: Job<JobData>): Promise<boolean> {
    try {
      await job.remove();
      return true;
    } catch (error) {
      if (await job.isActive()) return false;
      throw error;
    }
  }

  async function remove(id: string): Promise<boolean> {
    const job = await findJob(id);
    if (job) return (await stateOf(job)) === 'active' ? false : removed(job);
    const gone = await findCancelled(id);
    if (gone) return cancelled.remove(gone.name, id);
    const unreadable = await findUnreadable(id);
    if (unreadable) await removeUnreadable(redis.commands, queueOf(unreadable.name), id);
    return unreadable !== null;
  }

  async function add(job: NewJob): Promise<string> {
    // An idempotency key also applies to cancelled jobs, which BullMQ does not know. Ids of jobs without a key are new.
    if (!isId(job.id) && (await cancelled.find(job.name, job.id))) return job.id;
    const { id = job.id } = await queueOf(job.name).add(job.name, dataOf(job), optionsOf(job));
    return id;
  }

  async function restore(job: NewJob, isPromised: () => Promise<boolean>): Promise<void> {
    const { id, name, uniqueKey } = job;
    const queue = queueOf(name);
    const key = queue.toKey(id);
    const kind = await redis.commands.type(key);
    // Nothing of BullMQ's, which could neither run nor remove it.
    if (kind !== 'hash' && kind !== 'none') await redis.commands.del(key);
    const [state, hasData] = await Promise.all([queue.getJobState(id), redis.commands.hexists(key, 'data')]);
    if (LIVES.includes(state) && hasData === 1) return;
    if (!(await isPromised())) return;
    // A worker has it, here or in an earlier version, though its list was lost: it is looked at again later.
    if (!(await former.take(name, id))) return;
    const isGone = state === 'unknown' && kind === 'none';
    if (!isGone && !(await queue.remove(id))) return;
    if (uniqueKey !== null && (await queue.getDeduplicationJobId(uniqueKey)) === id) {
      await queue.removeDeduplicationKey(uniqueKey);
    }
    await queue.add(name, dataOf(job), optionsOf(job));
  }

  return {
    restore: (job, isPromised) => reached(restore(job, isPromised)),
    add: (job) => reached(add(job)),
    find: (id) => reached(find(id)),
    list: (filter, page) => reached(views.list(filter, page)),
    count: (filter, limit) => reached(views.count(filter, limit)),
    retry: (id) => reached(retry(id)),
    cancel: (id) => reached(cancel(id)),
    remove: (id) => reached(remove(id)),
    status: (name) => reached(views.status(name)),
    pause: (name) => reached(queueOf(name).pause()),
    resume: (name) => reached(queueOf(name).resume()),
    activeHere: () => workers.active(),

    start() {
      started = true;
      former.start(add);
      return workers.start();
    },

    async drain() {
      const before = workers.ended();
      await workers.start();
      do await pause(DRAIN_PAUSE);
      while (!(await isIdle()));
      if (!started) await workers.rest();
      return workers.ended() - before;
    },

    async stop(grace) {
      former.stop();
      await workers.stop(grace);
      await Promise.allSettled([...queues.values()].map((queue) => queue.close()));
    },
  };
}

/** The names of all keys of jobs begin with it. */
const prefixOf = (space: string): string => {
  const [product, installation = ''] = space.split(':');
  return `${product}:{${installation}}`;
};
