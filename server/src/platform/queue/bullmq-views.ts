import type { Job, Queue } from 'bullmq';
import { HOUR, MINUTE } from '../clock.ts';
import type { RedisConnections } from '../redis/connect.ts';
import { type JobData, LISTS, toRecord } from './bullmq-records.ts';
import type { createCancelledJobs } from './cancelled-jobs.ts';
import { durationsOf } from './durations.ts';
import type { JobRegistry } from './job-registry.ts';
import { JOB_STATES, type JobFilter, type JobQueue, type JobRecord, type JobState, type QueueStatus } from './queue.ts';
import { readJob, unreadableRecord } from './read-job.ts';

const SAMPLE = 100;
/** Attempts to read a job and its state, which are two answers of Redis, consistently. */
const READS = 5;

/** What BullMQ's keys in Redis say of jobs and queues. Changes nothing. */
export interface BullmqViews extends Pick<JobQueue, 'find' | 'list' | 'count' | 'status'> {
  /** The job of this id, if BullMQ has it and it can be read. */
  findJob(id: string): Promise<Job<JobData> | null>;
  /** The job of this id, if a list has it and it cannot be read. */
  findUnreadable(id: string): Promise<JobRecord | null>;
  findCancelled(id: string): Promise<JobRecord | null>;
  /** Null also while the job is moved from one list to another. */
  stateOf(job: Job<JobData>): Promise<JobState | null>;
  recordOf(job: Job<JobData>, state: JobState): Promise<JobRecord>;
  /** Whether no job runs, waits, or is due. */
  isIdle(): Promise<boolean>;
}

/** `createBullmqViews({ redis, registry, cancelled, queueOf, isAskedToCancel })`. */
export function createBullmqViews(deps: {
  redis: RedisConnections;
  registry: JobRegistry;
  cancelled: ReturnType<typeof createCancelledJobs>;
  queueOf: (name: string) => Queue<JobData>;
  isAskedToCancel: (job: Job<JobData>) => Promise<boolean>;
}): BullmqViews {
  const { redis, registry, cancelled, queueOf, isAskedToCancel } = deps;

  async function stateOf(job: Job<JobData>): Promise<JobState | null> {
    const state = await job.getState();
    if (state === 'prioritized') return 'waiting';
    // It is being moved to the cancelled ones.
    if (state === 'failed' && (await isAskedToCancel(job))) return 'cancelled';
    return JOB_STATES.find((known) => known === state) ?? null;
  }

  async function findJob(id: string): Promise<Job<JobData> | null> {
    const jobs = await Promise.all(registry.names().map((name) => readJob(queueOf(name), id)));
    return jobs.find((job) => job !== null && job !== 'unreadable') ?? null;
  }

  async function findUnreadable(id: string): Promise<JobRecord | null> {
    for (const name of registry.names()) {
      if ((await readJob(queueOf(name), id)) !== 'unreadable') continue;
      const state = await queueOf(name).getJobState(id);
      return unreadableRecord(name, id, JOB_STATES.find((known) => known === state) ?? 'waiting');
    }
    return null;
  }

  /** The first jobs of BullMQ's lists for a state, as records without their logs. */
  async function readLists(
    name: string,
    state: Exclude<JobState, 'cancelled'>,
    limit: number,
    asc: boolean,
  ): Promise<JobRecord[]> {
    const queue = queueOf(name);
    const ids = await Promise.all(LISTS[state].map((list) => queue.getRanges([list], 0, limit - 1, asc)));
    const jobs = await Promise.all(ids.flat().map(async (id) => ({ id, job: await readJob(queue, id) })));
    return jobs.flatMap(({ id, job }) => {
      if (job === null) return [];
      return [job === 'unreadable' ? unreadableRecord(name, id, state) : toRecord(job, state, [])];
    });
  }

  async function recordOf(job: Job<JobData>, state: JobState): Promise<JobRecord> {
    const { logs } = await queueOf(job.name).getJobLogs(job.id ?? '');
    return toRecord(job, state, logs);
  }

  async function findCancelled(id: string): Promise<JobRecord | null> {
    const found = await Promise.all(registry.names().map((name) => cancelled.find(name, id)));
    return found.find((job) => job !== null) ?? null;
  }

  async function find(id: string): Promise<JobRecord | null> {
    for (let tries = 0; tries < READS; tries++) {
      const job = await findJob(id);
      const state = job && (await stateOf(job));
      if (!job || !state) return (await findCancelled(id)) ?? findUnreadable(id);
      // The job was read before its end, and its state after it.
      const isStale = (state === 'completed' || state === 'failed') && job.finishedOn === undefined;
      if (!isStale) return recordOf(job, state);
    }
    return null;
  }

  const namesIn = ({ name }: JobFilter) => (name === undefined ? registry.names() : [name]);
  const statesIn = ({ state }: JobFilter) => (state === undefined ? JOB_STATES : [state]);

  async function latest(name: string, state: JobState, limit: number): Promise<JobRecord[]> {
    if (state === 'cancelled') return cancelled.list(name, limit);
    return readLists(name, state, limit, false);
  }

  async function list(filter: JobFilter, { skip, limit }: { skip: number; limit: number }): Promise<JobRecord[]> {
    const pairs = namesIn(filter).flatMap((name) => statesIn(filter).map((state) => [name, state] as const));
    const found = await Promise.all(pairs.map(([name, state]) => latest(name, state, skip + limit)));
    // A job that is moved meanwhile may be in two lists.
    const jobs = [...new Map(found.flat().map((job) => [job.id, job])).values()];
    jobs.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1));
    const page = jobs.slice(skip, skip + limit);
    const logOf = async ({ name, id, unreadable }: JobRecord) =>
      unreadable ? [] : (await queueOf(name).getJobLogs(id)).logs;
    return Promise.all(page.map(async (job) => ({ ...job, log: await logOf(job) })));
  }

  async function countsOf(name: string): Promise<Record<JobState, number>> {
    const counts = await queueOf(name).getJobCounts();
    const sum = (state: Exclude<JobState, 'cancelled'>) =>
      [...LISTS[state], ...(state === 'waiting' ? ['paused'] : [])].reduce((all, list) => all + (counts[list] ?? 0), 0);
    return {
      waiting: sum('waiting'),
      delayed: sum('delayed'),
      active: sum('active'),
      completed: sum('completed'),
      failed: sum('failed'),
      cancelled: await cancelled.count(name),
    };
  }

  async function count(filter: JobFilter, limit: number): Promise<number> {
    const all = await Promise.all(namesIn(filter).map(countsOf));
    const sum = all.flatMap((counts) => statesIn(filter).map((state) => counts[state])).reduce((a, b) => a + b, 0);
    return Math.min(sum, limit);
  }

  async function status(name: string): Promise<QueueStatus> {
    const queue = queueOf(name);
    const ended = (list: string, since: number) => redis.commands.zcount(queue.toKey(list), Date.now() - since, '+inf');
    const [paused, counts, lastMinute, lastHour, failedLastHour, completed, waiting] = await Promise.all([
      queue.isPaused(),
      countsOf(name),
      ended('completed', MINUTE),
      ended('completed', HOUR),
      ended('failed', HOUR),
      readLists(name, 'completed', SAMPLE, false),
      readLists(name, 'waiting', 1, true),
    ]);
    const readable = (jobs: JobRecord[]) => jobs.filter(({ unreadable }) => !unreadable);
    const oldest = Math.min(...readable(waiting).map(({ createdAt }) => createdAt.getTime()));
    return {
      name,
      paused,
      counts,
      throughput: { lastMinute, lastHour, failedLastHour },
      durations: durationsOf(readable(completed)),
      oldestWaitingAt: Number.isFinite(oldest) ? new Date(oldest) : null,
    };
  }

  async function isIdle(): Promise<boolean> {
    const all = await Promise.all(registry.names().map(countsOf));
    if (all.some(({ waiting, active }) => waiting + active > 0)) return false;
    const delayed = await Promise.all(registry.names().map((name) => readLists(name, 'delayed', 1, true)));
    return delayed.flat().every(({ runAt }) => runAt === null || runAt.getTime() > Date.now());
  }

  return { findJob, findUnreadable, findCancelled, stateOf, recordOf, find, list, count, status, isIdle };
}
