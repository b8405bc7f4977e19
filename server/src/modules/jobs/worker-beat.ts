import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { after, type Clock, SECOND } from '../../platform/clock.ts';
import { newId } from '../../platform/ids.ts';
import type { JobRegistry } from '../../platform/queue/job-registry.ts';
import type { JobQueue } from '../../platform/queue/queue.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import type { WorkerRecord, WorkerStore } from './worker-store.ts';

const BEAT_EVERY = 5 * SECOND;
/** Whoever missed two beats is taken for dead. */
const ALIVE = 12 * SECOND;

export interface WorkerBeat {
  start(): void;
  /** Says goodbye. */
  stop(): Promise<void>;
  /** The workers alive. */
  list(): Promise<WorkerRecord[]>;
}

/** This process's signs of life as a worker. */
export function createWorkerBeat(deps: {
  store: WorkerStore;
  registry: JobRegistry;
  queue: JobQueue;
  clock: Clock;
  log: Logger;
}): WorkerBeat {
  const { store, registry, queue, clock, log } = deps;
  const outage = createOutageLog(log, 'a worker giving signs of life');
  const startedAt = clock();
  const self = { id: newId(startedAt), host: hostname().slice(0, 255), pid: process.pid, startedAt };
  let timer: NodeJS.Timeout | undefined;

  async function beat(): Promise<void> {
    await store
      .beat({ ...self, seenAt: clock(), active: queue.activeHere(), names: registry.names() })
      .then(outage.worked, outage.failed);
  }

  return {
    start() {
      void beat();
      timer = setInterval(() => void beat(), BEAT_EVERY).unref();
    },
    async stop() {
      if (timer === undefined) return;
      clearInterval(timer);
      await store.remove(self.id).catch(() => {});
    },
    list: () => store.list(after(clock(), -ALIVE)),
  };
}
