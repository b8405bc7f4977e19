import { after, type Clock, DAY } from '../../platform/clock.ts';
import { purgeAll } from '../../platform/queue/purge.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { EventStore } from './event-store.ts';

/** How long the runs of schedules are kept, in milliseconds. */
export const RUNS_KEPT = 30 * DAY;

/** Takes away what happened long ago. */
export function registerEventPurge(deps: {
  periodic: Periodic;
  store: EventStore;
  /** Milliseconds for which events are kept. */
  retention: number;
  clock: Clock;
}): void {
  const { periodic, store, retention, clock } = deps;
  periodic({
    name: 'purge.events',
    cron: '37 3 * * *',
    async run(context) {
      const now = clock();
      const runs = { before: after(now, -RUNS_KEPT), type: 'schedule_run.*' };
      const past = { before: after(now, -retention) };
      const { removed } = await purgeAll(context, (limit) => store.purge(runs, limit));
      return { removed: removed + (await purgeAll(context, (limit) => store.purge(past, limit))).removed };
    },
  });
}
