import type { Clock } from '../../platform/clock.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import { checkFields } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { UserAt, UserChange, UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { authErrors } from './errors.ts';
import type { PasswordPolicy } from './password-policy.ts';

/** The fields that every new password changes. All sessions of an older epoch end with it, except the kept one. */
export type NewPassword = Parameters<UserStore['setPassword']>[1];

/** In what one way of setting a password differs from the others. */
export interface HowPassword {
  /** The type of its event. */
  type: string;
  data?: Record<string, unknown>;
  /** The error if the account is not active, or its password has changed: of many callers with one proof, the first uses it up. */
  lost: () => Error;
  /** Whether the present password is refused. */
  mustDiffer?: boolean;
  /** Checks what is chosen beside the password: it may throw, and the password must not consist of it. */
  chosen?: () => Parameters<PasswordPolicy['check']>[1];
  /** The session that continues; default: none. May throw. */
  keptSessionId?: (user: UserRecord) => string | null;
  /** Throws if anything else that the proof depends on has changed since it was read. */
  demand?: (user: UserRecord) => void;
  /** The store's verb; default: `setPassword`. */
  write?: (at: UserAt, change: NewPassword, event: EventDraft) => Promise<UserChange>;
}

export interface NewPasswords {
  /**
   * Replaces the password that `user` was read with, and only that one. Returns the user with the password version and the session epoch
   * of exactly this change, so that whatever ends all sessions later also ends a session that follows from it. Throws `password_…`, and
   * what `how` throws.
   */
  set(caller: Caller, user: UserRecord, password: string, how: HowPassword): Promise<UserRecord>;
}

/** Creates the only way in which people set their passwords: forced, by a mailed link, by their own choice, or for the first time. */
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
      const { type, data, lost, mustDiffer = false, chosen = () => ({}), keptSessionId, demand } = how;
      const write = how.write ?? userStore.setPassword;
      await checkFields({ chosen }, (passed) => policy.check(password, { ...read, ...passed.chosen }));
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
