import { after, type Clock, DAY } from '../../platform/clock.ts';
import { purgeAll } from '../../platform/queue/purge.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { ChallengeStore } from './challenge-store.ts';
import type { RegistrationStore } from './registration-store.ts';

/** Milliseconds that records are kept: their codes and links expire long before, but the limits on mails count them. */
export const KEPT = { registrations: 7 * DAY, challenges: 7 * DAY };

/** Registers the periodic jobs that delete old registrations and challenges. */
export function registerAuthPurges(deps: {
  periodic: Periodic;
  registrationStore: RegistrationStore;
  challengeStore: ChallengeStore;
  clock: Clock;
}): void {
  const { periodic, registrationStore, challengeStore, clock } = deps;

  periodic({
    name: 'purge.registrations',
    cron: '7 * * * *',
    run(context) {
      const before = after(clock(), -KEPT.registrations);
      return purgeAll(context, (limit) => registrationStore.purge(before, limit));
    },
  });

  periodic({
    name: 'purge.challenges',
    cron: '17 * * * *',
    run(context) {
      const before = after(clock(), -KEPT.challenges);
      return purgeAll(context, (limit) => challengeStore.purge(before, limit));
    },
  });
}
