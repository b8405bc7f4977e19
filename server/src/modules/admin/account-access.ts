import type { Clock } from '../../platform/clock.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { demandVersion } from '../../platform/http/versions.ts';
import { isId } from '../../platform/ids.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Authority } from '../access/authority.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import { userErrors } from '../users/errors.ts';
import { isWon } from '../users/names.ts';
import type { UserAt, UserChange, UserRecord, UserStore } from '../users/user-store.ts';

/** Reads and changes an account for an administrator. */
export interface AccountAccess {
  /** Throws `user_not_found`, also for an erased user. */
  get(id: string): Promise<UserRecord>;
  /**
   * Decides on the current state and writes to exactly that state; repeats both, with the rules of privileges, if another write came first.
   * `attempt` answers null if nothing must change. Throws `user_not_found`, `email_taken`, `username_taken`, `version_conflict`, what the rule and `attempt`
   * throw, and `overloaded`.
   */
  change(
    caller: Caller,
    id: string,
    rule: 'demandOver' | 'demandOverOther',
    attempt: (user: UserRecord, at: UserAt) => UserChange | null | Promise<UserChange | null>,
  ): Promise<UserRecord>;
  /** The draft of an event about the account, which its owner's history shows, too. */
  describe(caller: Caller, type: string, user: Pick<UserRecord, 'id'>, data?: Record<string, unknown>): EventDraft;
}

/** Creates the access that all use cases of this module share. */
export function createAccountAccess(deps: {
  store: UserStore;
  authority: Authority;
  events: Events;
  clock: Clock;
}): AccountAccess {
  const { store, authority, events, clock } = deps;

  async function get(id: string): Promise<UserRecord> {
    const user = isId(id) ? await store.find(id) : null;
    if (!user || user.status === 'erased') throw userErrors.user_not_found();
    return user;
  }

  return {
    get,

    change: (caller, id, rule, attempt) =>
      untilWon(
        async () => {
          const user = await get(id);
          await authority[rule](caller, user);
          demandVersion(caller, user);
          const result = await attempt(user, { id, version: user.version, now: clock() });
          if (result === null) return user;
          return isWon(result) ? ((await store.find(id)) ?? user) : null;
        },
        { record: `user:${id}` },
      ),

    describe: (caller, type, { id }, data = {}) =>
      events.describe(caller, { type, target: `user:${id}`, userId: id, data, evicts: true }),
  };
}
