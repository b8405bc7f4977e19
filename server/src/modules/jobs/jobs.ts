import { after, type Clock, DAY } from '../../platform/clock.ts';
import { purgeAll } from '../../platform/queue/purge.ts';
import { JOBS_KEPT } from '../../platform/queue/queue.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { JobStore } from './job-store.ts';
import type { WorkerStore } from './worker-store.ts';

/** Milliseconds for which records of dead workers are kept. */
export const WORKERS_KEPT = 1 * DAY;

/** Registers the purge of jobs that ended long ago, and of dead workers. */
export function registerJobPurge(deps: {
  periodic: Periodic;
  /** Null: the jobs are in Redis, which deletes old ones itself. */
  store: JobStore | null;
  workerStore: WorkerStore;
  clock: Clock;
}): void {
  const { periodic, store, workerStore, clock } = deps;
  periodic({
    name: 'purge.jobs',
    cron: '47 * * * *',
    async run(context) {
      await workerStore.purge(after(clock(), -WORKERS_KEPT));
      if (!store) return { removed: 0 };
      const purge = (state: keyof typeof JOBS_KEPT) => {
        const before = after(clock(), -JOBS_KEPT[state]);
        return purgeAll(context, (limit) => store.purge(state, before, limit));
      };
      const results = [await purge('completed'), await purge('cancelled'), await purge('failed')];
      return { removed: results.reduce((sum, { removed }) => sum + removed, 0) };
    },
  });
}
