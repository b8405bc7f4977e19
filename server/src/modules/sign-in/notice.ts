import { type Clock, DAY } from '../../platform/clock.ts';
import type { Caller } from '../../platform/http/caller.ts';
import type { EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { UserRecord } from '../users/user-store.ts';

/** Wrong tries of a second factor after which the owner is told that somebody knows the password. */
const TELL_AT = 3;

/** Called after a wrong second factor of somebody who gave the password. `tries`: how many there were. */
export type NotifyOfTries = (caller: Caller, user: UserRecord, tries: number) => Promise<void>;

/** Tells the owner of wrong second factors, by one event a day for all instances together: nobody can fill their mailbox. */
export function createNotice(deps: { events: Events; eventStore: EventStore; clock: Clock }): NotifyOfTries {
  const { events, eventStore, clock } = deps;
  return async (caller, user, tries) => {
    if (tries < TELL_AT) return;
    const about = { target: `second-factor:${user.id}`, userId: user.id, actorId: null };
    const event = events.describe(caller, { type: 'user.second_factor_failed', ...about });
    await eventStore.record(event, Math.floor(clock().getTime() / DAY));
  };
}
