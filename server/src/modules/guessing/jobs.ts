import type { Clock } from '../../platform/clock.ts';
import { purgeAll } from '../../platform/queue/purge.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { ThrottleStore } from './throttle-store.ts';

/** Registers the purge of throttles that no longer delay anybody. */
export function registerThrottlePurge(deps: { periodic: Periodic; store: ThrottleStore; clock: Clock }): void {
  const { periodic, store, clock } = deps;
  periodic({
    name: 'purge.throttles',
    cron: '12 * * * *',
    run(context) {
      const now = clock();
      return purgeAll(context, (limit) => store.purge(now, limit));
    },
  });
}
