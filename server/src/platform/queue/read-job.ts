import { Job, type Queue } from 'bullmq';
import type { RedisClient } from '../redis/connect.ts';
import type { JobData } from './bullmq-records.ts';
import type { JobRecord, JobState } from './queue.ts';

/** Lists of BullMQ, and sorted sets, from which an unreadable job is removed. */
const LINES = ['wait', 'paused', 'active'];
const SETS = ['delayed', 'prioritized', 'completed', 'failed', 'waiting-children', 'stalled-check'];
/** The keys of a job end in its id. Other ids could name a key of the queue itself, such as `meta`. */
const OWN_KEYS = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Entries of earlier versions of BullMQ that wake workers, and are no jobs. */
const MARKER = /^0:/;

/** A job; `unreadable` if a list has its id, and its record is gone or cannot be read; null if there is none. */
export async function readJob(queue: Queue<JobData>, id: string): Promise<Job<JobData> | 'unreadable' | null> {
  if (MARKER.test(id)) return null;
  try {
    const job = await Job.fromId<JobData>(queue, id);
    if (job && isWhole(job)) return job;
  } catch (error) {
    if (!isBadRecord(error)) throw error;
  }
  // Whatever is in no list is no job: one that has just been removed, or another key of the queue.
  return (await queue.getJobState(id)) === 'unknown' ? null : 'unreadable';
}

/** Of a job that cannot be read, its id and its place are all that is known. */
export function unreadableRecord(name: string, id: string, state: JobState): JobRecord {
  return {
    id,
    name,
    state,
    unreadable: true,
    args: null,
    priority: 0,
    uniqueKey: null,
    attempts: 0,
    retries: 0,
    progress: null,
    log: [],
    result: null,
    failure: null,
    createdAt: new Date(0),
    runAt: null,
    startedAt: null,
    finishedAt: null,
  };
}

/** Removes what there is of a job that cannot be read: also one that counts as active, because no worker can run it. */
export async function removeUnreadable(client: RedisClient, queue: Queue<JobData>, id: string): Promise<void> {
  for (const list of LINES) await client.lrem(queue.toKey(list), 0, id);
  for (const set of SETS) await client.zrem(queue.toKey(set), id);
  if (OWN_KEYS.test(id)) await client.del(queue.toKey(id), queue.toKey(`${id}:lock`), queue.toKey(`${id}:logs`));
}

/** Whether what was read is a job of ours: `null` is JSON, too. */
function isWhole({ data, opts, timestamp }: Job<JobData>): boolean {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null;
  return isObject(data) && isObject(opts) && Number.isFinite(timestamp);
}

/** What a record makes of itself; anything else is the connection's. */
const isBadRecord = (error: unknown): boolean =>
  error instanceof SyntaxError || error instanceof TypeError || /^WRONGTYPE/.test((error as Error).message);
