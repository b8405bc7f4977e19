import { after, type Clock, MINUTE } from '../../platform/clock.ts';
import { formatIdToken, parseIdToken } from '../../platform/crypto/id-token.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { deriveToken, sameSecret } from '../../platform/crypto/one-time.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import type { Guessing } from '../guessing/guessing.ts';
import { keptSession, toEmail } from '../users/names.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { ChallengeRecord, ChallengeStore } from './challenge-store.ts';
import { authErrors } from './errors.ts';
import type { NewPasswords } from './new-passwords.ts';
import { provePassword } from './prove-password.ts';

export interface Passwords {
  /**
   * Requests the mail with a reset link. Does the same for a known and an unknown address. `userId`: an administrator asks for this user,
   * in whose history it appears. Throws `email_invalid`.
   */
  requestReset(caller: Caller, email: string, options?: { userId?: string }): Promise<void>;
  /** The token of a challenge for this user; null if the challenge's key is gone. It is void as soon as the user's password changes. */
  resetToken(challenge: ChallengeRecord, user: UserRecord): string | null;
  /** Sets a new password and ends every session; returns the user. Throws `token_invalid`, `password_…`. */
  reset(caller: Caller, token: string, newPassword: string): Promise<UserRecord>;
  /** Sets a new password and ends every other session; returns the user. Throws `invalid_credentials`, `rate_limited`, `password_…`. */
  change(caller: Caller, actor: SessionActor, currentPassword: string, newPassword: string): Promise<UserRecord>;
}

/** Lifetime of a reset link in milliseconds. */
export const RESET_TTL = 30 * MINUTE;

/** Creates the use cases that replace passwords: by a mailed link, and by the user's own choice. */
export function createPasswords(deps: {
  store: ChallengeStore;
  userStore: UserStore;
  users: Users;
  events: Events;
  keyring: Keyring;
  hasher: PasswordHasher;
  guessing: Guessing;
  newPasswords: NewPasswords;
  clock: Clock;
}): Passwords {
  const { store, userStore, users, events, keyring, hasher, guessing, newPasswords, clock } = deps;

  function secretOf({ purpose, id, keyId }: ChallengeRecord, user: UserRecord): Buffer | null {
    if (!keyring.has(keyId)) return null;
    return deriveToken(keyring, { purpose, id, subject: `${user.id} ${user.passwordVersion}`, keyId });
  }

  async function userOfToken(token: string): Promise<UserRecord> {
    const parts = parseIdToken(token);
    const challenge = parts && (await store.find(parts.id));
    if (!challenge || challenge.expiresAt <= clock()) throw authErrors.token_invalid();
    const user = await userStore.findByEmail(challenge.emailNorm);
    const secret = user?.status === 'active' ? secretOf(challenge, user) : null;
    if (!user || !secret || !sameSecret(parts.secret, secret)) throw authErrors.token_invalid();
    return user;
  }

  return {
    async requestReset(caller, email, { userId = null }: { userId?: string | null } = {}) {
      const now = clock();
      const challenge: ChallengeRecord = {
        id: newId(now),
        purpose: 'password_reset',
        ...toEmail(email),
        keyId: keyring.currentKeyId,
        expiresAt: after(now, RESET_TTL),
        createdAt: now,
      };
      const target = `challenge:${challenge.id}`;
      await store.create(challenge, events.describe(caller, { type: 'password_reset.requested', target, userId }));
    },

    resetToken(challenge, user) {
      const secret = secretOf(challenge, user);
      return secret && formatIdToken(challenge.id, secret);
    },

    async reset(caller, token, newPassword) {
      const user = await userOfToken(token);
      return newPasswords.set(caller, user, newPassword, {
        type: 'user.password_reset',
        lost: authErrors.token_invalid,
      });
    },

    async change(caller, actor, currentPassword, newPassword) {
      const user = await users.me(actor);
      await provePassword(await guessing.admitSession(actor), hasher, currentPassword, user);
      return newPasswords.set(caller, user, newPassword, {
        type: 'user.password_changed',
        lost: authErrors.invalid_credentials,
        keptSessionId: (now) => keptSession(now, actor),
      });
    },
  };
}
