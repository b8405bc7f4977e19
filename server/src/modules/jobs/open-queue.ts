import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { JobRegistry } from '../../platform/queue/job-registry.ts';
import type { JobQueue } from '../../platform/queue/queue.ts';
import type { RedisConnections } from '../../platform/redis/connect.ts';
import type { JobStore } from './job-store.ts';
import { createPromises } from './promised-queue.ts';
import { createTableQueue } from './table-queue.ts';

/** The queue: in Redis, with copies of promised jobs in the database; without Redis, in a table of the database. */
export async function openQueue(deps: {
  redis: RedisConnections | null;
  store: JobStore;
  registry: JobRegistry;
  clock: Clock;
  log: Logger;
}): Promise<JobQueue> {
  const { redis, store, registry, clock, log } = deps;
  if (!redis) return createTableQueue({ store, registry, clock, log });
  // Loaded only with Redis, to save time at start.
  const { createBullmqQueue } = await import('../../platform/queue/bullmq-queue.ts');
  const promises = createPromises({ store, clock, log });
  return promises.over(
    createBullmqQueue({ redis, registry, log, onEnded: promises.ended, isPaused: promises.isPaused }),
  );
}
