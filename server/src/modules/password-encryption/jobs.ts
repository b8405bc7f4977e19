import { after, type Clock, HOUR } from '../../platform/clock.ts';
import { purgeAll } from '../../platform/queue/purge.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { NonceStore } from './nonce-store.ts';

/** How long a used nonce is kept past its expiry, in milliseconds: an instance whose clock is behind must still find it. */
export const NONCES_KEPT = 1 * HOUR;

/** Takes away nonces that were used, once nobody would take them again. */
export function registerNoncePurge(deps: { periodic: Periodic; store: NonceStore; clock: Clock }): void {
  const { periodic, store, clock } = deps;
  periodic({
    name: 'purge.nonces',
    cron: '22 * * * *',
    run(context) {
      const before = after(clock(), -NONCES_KEPT);
      return purgeAll(context, (limit) => store.purge(before, limit));
    },
  });
}
