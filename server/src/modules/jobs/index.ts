import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Lists } from '../../platform/http/paging.ts';
import type { Part } from '../../platform/http/part.ts';
import { createJobRegistry, type JobRegistry } from '../../platform/queue/job-registry.ts';
import { createJobs as createJobKinds, type Jobs } from '../../platform/queue/jobs.ts';
import type { JobQueue } from '../../platform/queue/queue.ts';
import type { RedisConnections } from '../../platform/redis/connect.ts';
import type { RecordEvent } from '../events/event-recorder.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { JobStore } from './job-store.ts';
import { registerJobPurge } from './jobs.ts';
import { openQueue } from './open-queue.ts';
import { jobRoutes } from './routes.ts';
import { jobTopics } from './topics.ts';
import { createWorkerHeartbeat, type WorkerHeartbeat } from './worker-heartbeat.ts';
import type { WorkerStore } from './worker-store.ts';

export { RedisShared } from './redis-presence.ts';

export interface BackgroundWork {
  /** The kinds of jobs, and how they are enqueued. */
  jobs: Jobs;
  queue: JobQueue;
  registry: JobRegistry;
  heartbeat: WorkerHeartbeat;
}

/**
 * The queues, over Redis or a table of the database:
 * `await createJobs({ ...ground, redis, store: storage.jobs, workerStore: storage.workers })`.
 */
export async function createJobs(deps: {
  redis: RedisConnections | null;
  store: JobStore;
  workerStore: WorkerStore;
  clock: Clock;
  log: Logger;
}): Promise<BackgroundWork> {
  const { redis, store, workerStore, clock, log } = deps;
  const registry = createJobRegistry();
  const queue = await openQueue({ redis, store, registry, clock, log });
  const jobs = createJobKinds({ registry, queue, clock });
  return {
    jobs,
    queue,
    registry,
    heartbeat: createWorkerHeartbeat({ redis, store: workerStore, registry, queue, clock, log }),
  };
}

/**
 * The administration of jobs, and the purge of old ones:
 * `createJobAdmin({ ...ground, ...work, redis, store: storage.jobs, workerStore: storage.workers, recordEvent, periodic, list })`.
 */
export function createJobAdmin(deps: {
  queue: JobQueue;
  registry: JobRegistry;
  heartbeat: WorkerHeartbeat;
  redis: RedisConnections | null;
  store: JobStore;
  workerStore: WorkerStore;
  recordEvent: RecordEvent;
  periodic: Periodic;
  list: Lists;
  clock: Clock;
}): Part {
  // Redis deletes old jobs itself.
  registerJobPurge({ ...deps, store: deps.redis ? null : deps.store });
  return { routes: [jobRoutes(deps)], topics: jobTopics(deps) };
}
