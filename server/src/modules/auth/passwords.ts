import { after, type Clock, MINUTE } from '../../platform/clock.ts';
import { formatIdToken, parseIdToken } from '../../platform/crypto/id-token.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { deriveToken, sameSecret } from '../../platform/crypto/one-time.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { rateLimited } from '../../platform/http/limits.ts';
import { newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import type { AddressBounds, Asker } from '../guessing/address-bounds.ts';
import type { DeviceTokens } from '../guessing/device-tokens.ts';
import type { Guessing } from '../guessing/guessing.ts';
import { askerOf } from '../guessing/names.ts';
import { keptSession, toEmail } from '../users/names.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { ChallengeRecord, ChallengeStore } from './challenge-store.ts';
import { authErrors } from './errors.ts';
import type { NewPasswords } from './new-passwords.ts';
import { provePassword } from './prove-password.ts';

export interface Passwords {
  /**
   * Requests the mail with a reset link, if the bounds of the address allow one. Does the same for a known and an unknown address.
   * `deviceTokens`: a known device is not affected by requests of strangers. Throws `email_invalid`.
   */
  requestReset(caller: Caller, email: string, deviceTokens: string): Promise<void>;
  /** The same for an administrator, in the history of the user. Throws `rate_limited`. */
  mailReset(caller: Caller, user: { id: string; email: string }): Promise<void>;
  /** The token of a challenge for this user; null if the challenge's key is gone. It is void as soon as the user's password changes. */
  resetToken(challenge: ChallengeRecord, user: UserRecord): string | null;
  /** Sets a new password, verifies the address and ends every session; returns the user. Throws `token_invalid`, `password_…`. */
  reset(caller: Caller, token: string, newPassword: string): Promise<UserRecord>;
  /** Sets a new password and ends every other session; returns the user. Throws `invalid_credentials`, `rate_limited`, `password_…`. */
  change(caller: Caller, actor: SessionActor, currentPassword: string, newPassword: string): Promise<UserRecord>;
}

/** Lifetime of a reset link in milliseconds. */
export const RESET_TTL = 30 * MINUTE;

/** Stands for the owner of an address without an account: reading tokens takes the same time. */
const NOBODY = { id: '', passwordVersion: 0 };

/** Creates the use cases that replace passwords: by a mailed link, and by the user's own choice. */
export function createPasswords(deps: {
  store: ChallengeStore;
  userStore: UserStore;
  users: Users;
  events: Events;
  keyring: Keyring;
  hasher: PasswordHasher;
  guessing: Guessing;
  bounds: AddressBounds;
  deviceTokens: DeviceTokens;
  newPasswords: NewPasswords;
  clock: Clock;
}): Passwords {
  const { store, userStore, users, events, keyring, hasher, guessing, bounds, newPasswords, clock } = deps;

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

  /** The milliseconds to wait for a mail; 0: it was requested. */
  async function request(caller: Caller, asker: Asker, email: string, userId: string | null): Promise<number> {
    const now = clock();
    const address = toEmail(email);
    const wait = await bounds.takeMail(asker, address.emailNorm);
    if (wait > 0) return wait;
    const challenge: ChallengeRecord = {
      id: newId(now),
      purpose: 'password_reset',
      ...address,
      keyId: keyring.currentKeyId,
      expiresAt: after(now, RESET_TTL),
      createdAt: now,
    };
    const target = `challenge:${challenge.id}`;
    await store.create(challenge, events.describe(caller, { type: 'password_reset.requested', target, userId }));
    return 0;
  }

  return {
    async requestReset(caller, email, deviceTokens) {
      // Looked up only for clients that send tokens, and then for every address alike.
      const user = deviceTokens === '' ? null : await userStore.findByEmail(toEmail(email).emailNorm);
      const device = deps.deviceTokens.read(deviceTokens, user ?? NOBODY);
      const apart = user && device ? `device ${device}` : null;
      await request(caller, { ip: caller.ip, apart }, email, null);
    },

    async mailReset(caller, { id, email }) {
      const wait = await request(caller, askerOf(caller), email, id);
      if (wait > 0) throw rateLimited(wait);
    },

    resetToken(challenge, user) {
      const secret = secretOf(challenge, user);
      return secret && formatIdToken(challenge.id, secret);
    },

    async reset(caller, token, newPassword) {
      const user = await userOfToken(token);
      const { emailNorm, emailVerified } = user;
      return newPasswords.set(caller, user, newPassword, {
        type: 'user.password_reset',
        ...(!emailVerified && { data: { before: { emailVerified }, after: { emailVerified: true } } }),
        lost: authErrors.token_invalid,
        demand(now) {
          if (now.emailNorm !== emailNorm) throw authErrors.token_invalid();
        },
        // Whoever has the link reads the mailbox.
        write: (at, change, event) => userStore.setPassword(at, { ...change, emailVerified: true }, event),
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
