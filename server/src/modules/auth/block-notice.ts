import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { type Clock, DAY } from '../../platform/clock.ts';
import type { Caller } from '../../platform/http/caller.ts';
import type { EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import { loginKey } from '../users/names.ts';
import type { Users } from '../users/users.ts';

/** Notifies the owner of an account that its sign-ins are delayed. Returns immediately, and reveals nowhere whether the account exists. */
export type TellOfBlock = (caller: Caller, login: string) => void;

const REMEMBERED = 10_000;

/** Records one event a day for an account, for all causes and instances together: a stranger must not fill its owner's mailbox. */
export function createBlockNotice(deps: {
  users: Users;
  events: Events;
  eventStore: EventStore;
  clock: Clock;
  log: Logger;
}): TellOfBlock {
  const { users, events, eventStore, clock, log } = deps;
  /** Hashes of the logins looked up today, so that a flood of refused requests stays cheap. Hashes, because people type passwords there. */
  const seen = new LRUCache<string, true>({ max: REMEMBERED });

  async function tell(caller: Caller, login: string, day: number): Promise<void> {
    const user = await users.findByLogin(login);
    if (user?.status !== 'active') return;
    const about = { target: `sign-in:${user.id}`, userId: user.id, actorId: null };
    await eventStore.record(events.describe(caller, { type: 'user.sign_in_blocked', ...about }), day);
  }

  return (caller, login) => {
    const day = Math.floor(clock().getTime() / DAY);
    const key = createHash('sha256')
      .update(`${day} ${loginKey(login)}`)
      .digest('base64url');
    if (seen.has(key)) return;
    seen.set(key, true);
    // Runs after the answer, whose time must be the same for every login.
    setImmediate(() => {
      tell(caller, login, day).catch((error) => {
        seen.delete(key);
        log.warn({ err: error }, 'the owner of an account could not be notified that its sign-ins are delayed');
      });
    });
  };
}
