import type { Clock } from '../../platform/clock.ts';
import { purgeAll } from '../../platform/queue/purge.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { ThrottleStore } from './throttle-store.ts';

/** Takes away throttles that hold nobody back any more. */
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
