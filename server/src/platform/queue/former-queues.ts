import { type Job, Queue } from 'bullmq';
import { MINUTE } from '../clock.ts';
import type { RedisClient } from '../redis/connect.ts';
import type { JobData } from './bullmq-records.ts';
import type { JobRegistry } from './job-registry.ts';
import type { NewJob } from './queue.ts';

/** Where versions before 0.2 kept the jobs of every installation. */
const PREFIX = '{ostiary-jobs}';
const MOVE_EVERY = 1 * MINUTE;
const BATCH = 100;

/**
 * The queues under the names of earlier versions, whose instances may still run beside this one during an update. What waits in them moves:
 * promised jobs by their copies in the database, which know whose they are, all others from here.
 */
export function createFormerQueues({ redis, registry }: { redis: RedisClient; registry: JobRegistry }) {
  const queues = new Map<string, Queue<JobData>>();
  let timer: NodeJS.Timeout | undefined;

  function queueOf(name: string): Queue<JobData> {
    const known = queues.get(name);
    if (known) return known;
    // Nothing is written there any more.
    const queue = new Queue<JobData>(name, { connection: redis, prefix: PREFIX, skipMetasUpdate: true });
    queue.on('error', () => {});
    queue.waitUntilReady().catch(() => queues.delete(name));
    queues.set(name, queue);
    return queue;
  }

  /** Takes a job away from there; false while a worker has it. */
  async function take(name: string, id: string): Promise<boolean> {
    if ((await redis.exists(`${PREFIX}:${name}:${id}`)) === 0) return true;
    return (await queueOf(name).remove(id)) === 1;
  }

  async function moveAll(add: (job: NewJob) => Promise<unknown>): Promise<void> {
    for (const name of registry.names()) {
      if ((await redis.exists(`${PREFIX}:${name}:id`, `${PREFIX}:${name}:meta`)) === 0) continue;
      const jobs = await queueOf(name).getJobs(['waiting', 'prioritized', 'delayed'], 0, BATCH - 1, true);
      for (const job of jobs) {
        if (!job?.id || job.data.promised) continue;
        // In this order: a crash in between leaves it in both places, and the next move finds it here.
        await add(newJobOf(job, job.id));
        await take(name, job.id);
      }
    }
  }

  return {
    take,

    /** Moves what waits there now, and every minute what instances of an earlier version left. */
    start(add: (job: NewJob) => Promise<unknown>): void {
      // While Redis is away there is nothing to move.
      const move = () => void moveAll(add).catch(() => {});
      move();
      timer = setInterval(move, MOVE_EVERY).unref();
    },

    stop(): void {
      clearInterval(timer);
    },
  };
}

function newJobOf({ name, data, opts, timestamp, delay = 0 }: Job<JobData>, id: string): NewJob {
  return {
    id,
    name,
    args: data.args,
    priority: opts.priority ?? 0,
    uniqueKey: opts.deduplication?.id ?? null,
    retries: (opts.attempts ?? 1) - 1,
    createdAt: new Date(timestamp),
    runAt: delay > 0 ? new Date(timestamp + delay) : null,
    promised: false,
  };
}
