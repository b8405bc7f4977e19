import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { after, type Clock, SECOND } from '../../platform/clock.ts';
import { newId } from '../../platform/ids.ts';
import type { JobRegistry } from '../../platform/queue/job-registry.ts';
import type { JobQueue } from '../../platform/queue/queue.ts';
import type { RedisConnections } from '../../platform/redis/connect.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import { createRedisPresence } from './redis-presence.ts';
import type { WorkerRecord, WorkerStore } from './worker-store.ts';

const HEARTBEAT_EVERY = 5 * SECOND;
/** A worker that missed two heartbeats counts as dead. */
const ALIVE = 12 * SECOND;

export interface WorkerHeartbeat {
  /** Before the start. Throws `RedisShared` if a server on a copy of this database uses the same Redis. */
  demandAlone(): Promise<void>;
  start(): void;
  /** Removes this worker. */
  stop(): Promise<void>;
  /** The living workers. */
  list(): Promise<WorkerRecord[]>;
}

/** The heartbeat of this process as a worker. */
export function createWorkerHeartbeat(deps: {
  redis: RedisConnections | null;
  store: WorkerStore;
  registry: JobRegistry;
  queue: JobQueue;
  clock: Clock;
  log: Logger;
}): WorkerHeartbeat {
  const { redis, store, registry, queue, clock, log } = deps;
  const presence = redis && createRedisPresence({ redis, store, clock, log });
  const outage = createOutageLog(log, 'the heartbeat of this worker');
  const startedAt = clock();
  const self = { id: newId(startedAt), host: hostname().slice(0, 255), pid: process.pid, startedAt };
  let timer: NodeJS.Timeout | undefined;

  async function heartbeat(): Promise<void> {
    await store
      .heartbeat({ ...self, seenAt: clock(), active: queue.activeHere(), names: registry.names() })
      .then(outage.worked, outage.failed);
    // While Redis is away there is nothing to mark.
    await presence?.mark(self.id).catch(() => {});
  }

  return {
    demandAlone: async () => presence?.demandAlone(),
    start() {
      void heartbeat();
      timer = setInterval(() => void heartbeat(), HEARTBEAT_EVERY).unref();
    },
    async stop() {
      if (timer === undefined) return;
      clearInterval(timer);
      await presence?.unmark(self.id).catch(() => {});
      await store.remove(self.id).catch(() => {});
    },
    list: () => store.list(after(clock(), -ALIVE)),
  };
}
