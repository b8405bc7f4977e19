import type { Clock } from '../../platform/clock.ts';
import { PURGE_BATCH } from '../../platform/queue/purge.ts';
import type { FactorStore } from '../factors/factor-store.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { FactorResets } from './resets.ts';

/** Carries out the resets that have waited long enough. One that fails is tried again the next time, and holds up no other. */
export function registerResets(deps: {
  periodic: Periodic;
  store: Pick<FactorStore, 'dueResets'>;
  resets: Pick<FactorResets, 'carryOut'>;
  clock: Clock;
}): void {
  const { periodic, store, resets, clock } = deps;
  periodic({
    name: 'factors.carry-out-resets',
    cron: '*/5 * * * *',
    async run({ signal, log }) {
      let done = 0;
      for (const { userId } of await store.dueResets(clock(), PURGE_BATCH)) {
        signal.throwIfAborted();
        try {
          if (await resets.carryOut(userId)) done++;
        } catch (error) {
          log(`${userId}: ${(error as Error).message}`);
        }
      }
      return { done };
    },
  });
}
