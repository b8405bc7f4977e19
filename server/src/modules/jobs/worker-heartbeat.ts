import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { after, type Clock, SECOND } from '../../platform/clock.ts';
import { newId } from '../../platform/ids.ts';
import type { JobRegistry } from '../../platform/queue/job-registry.ts';
import type { JobQueue } from '../../platform/queue/queue.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import type { WorkerRecord, WorkerStore } from './worker-store.ts';

const HEARTBEAT_EVERY = 5 * SECOND;
/** A worker that missed two heartbeats counts as dead. */
const ALIVE = 12 * SECOND;

export interface WorkerHeartbeat {
  start(): void;
  /** Removes this worker. */
  stop(): Promise<void>;
  /** The living workers. */
  list(): Promise<WorkerRecord[]>;
}

/** The heartbeat of this process as a worker. */
export function createWorkerHeartbeat(deps: {
  store: WorkerStore;
  registry: JobRegistry;
  queue: JobQueue;
  clock: Clock;
  log: Logger;
}): WorkerHeartbeat {
  const { store, registry, queue, clock, log } = deps;
  const outage = createOutageLog(log, 'the heartbeat of this worker');
  const startedAt = clock();
  const self = { id: newId(startedAt), host: hostname().slice(0, 255), pid: process.pid, startedAt };
  let timer: NodeJS.Timeout | undefined;

  async function heartbeat(): Promise<void> {
    await store
      .heartbeat({ ...self, seenAt: clock(), active: queue.activeHere(), names: registry.names() })
      .then(outage.worked, outage.failed);
  }

  return {
    start() {
      void heartbeat();
      timer = setInterval(() => void heartbeat(), HEARTBEAT_EVERY).unref();
    },
    async stop() {
      if (timer === undefined) return;
      clearInterval(timer);
      await store.remove(self.id).catch(() => {});
    },
    list: () => store.list(after(clock(), -ALIVE)),
  };
}
