import type { Clock } from '../../platform/clock.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { Caller } from '../../platform/http/caller.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { UserAt, UserChange, UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { authErrors } from './errors.ts';
import type { PasswordPolicy } from './password-policy.ts';

/** What every new password changes; all sessions of an older epoch end with it, but the kept one. */
export type NewPassword = Parameters<UserStore['setPassword']>[1];

export interface HowPassword {
  /** Of the event that tells of it. */
  type: string;
  data?: Record<string, unknown>;
  /** Where the account has another password by now, or is not active: of many who come with one proof, the first uses it up. */
  lost: () => Error;
  /** Whether the password in force is refused. */
  mustDiffer?: boolean;
  /** Whom the password may not be made of; by default, the user as they are. */
  person?: Parameters<PasswordPolicy['check']>[1];
  /** The session that goes on; none by default. May throw. */
  keptSessionId?: (user: UserRecord) => string | null;
  /** Whatever else must be as it was when the proof was read. Throws to give up. */
  demand?: (user: UserRecord) => void;
  /** The verb that writes it; `setPassword` by default. */
  write?: (at: UserAt, change: NewPassword, event: EventDraft) => Promise<UserChange>;
}

export interface NewPasswords {
  /**
   * Sets a password onto the one that `user` was read with, or not at all. Answers the user with the password version and the
   * session epoch of this very change: what ends all sessions after it must end one that follows from it, too. Throws `password_…`, and what `how` throws.
   */
  set(caller: Caller, user: UserRecord, password: string, how: HowPassword): Promise<UserRecord>;
}

/** The one way in which a person's password is replaced: forced, by a mailed link, by their own wish, or for the first time. */
export function createNewPasswords(deps: {
  userStore: UserStore;
  users: Users;
  events: Events;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  clock: Clock;
}): NewPasswords {
  const { userStore, users, events, hasher, policy, clock } = deps;

  return {
    async set(caller, { id, passwordVersion, ...read }, password, how) {
      const { type, data, lost, mustDiffer = false, person = read, keptSessionId, demand } = how;
      const write = how.write ?? userStore.setPassword;
      await policy.check(password, person);
      if (mustDiffer && (await hasher.verify(password, read.passwordHash)).ok) throw authErrors.password_unchanged();
      const hash = await hasher.hash(password);
      let sessionEpoch = read.sessionEpoch;
      const changed = await users.change(
        id,
        (user) => {
          if (user.passwordVersion !== passwordVersion) throw lost();
          demand?.(user);
          sessionEpoch = user.sessionEpoch + 1;
          const change: NewPassword = {
            hash,
            passwordVersion: passwordVersion + 1,
            mustChangePassword: false,
            sessionEpoch,
            keptSessionId: keptSessionId?.(user) ?? null,
          };
          const about = { target: `user:${id}`, userId: id, actorId: id };
          const event = events.describe(caller, { type, ...about, ...(data && { data }), evicts: true });
          return write({ id, version: user.version, now: clock() }, change, event);
        },
        lost,
      );
      return { ...changed, passwordVersion: passwordVersion + 1, sessionEpoch };
    },
  };
}
