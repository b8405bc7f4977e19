import { after, type Clock, MINUTE } from '../../platform/clock.ts';
import { parseIdToken } from '../../platform/crypto/id-token.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { deriveToken, sameSecret } from '../../platform/crypto/one-time.ts';
import type { PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { rateLimited } from '../../platform/http/limits.ts';
import { newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import type { HandsOver } from '../factors/hand-over.ts';
import type { AddressBounds, Asker } from '../guessing/address-bounds.ts';
import type { DeviceTokens } from '../guessing/device-tokens.ts';
import type { Guessing } from '../guessing/guessing.ts';
import { askerOf } from '../guessing/names.ts';
import { keptSession, loginKey, toEmail } from '../users/names.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { ChallengeRecord, ChallengeStore } from './challenge-store.ts';
import { authErrors } from './errors.ts';
import { isCodeOf, type MailedProof, type MailedSecret, mailedSecret, proofRefused } from './mailed-proof.ts';
import type { NewPassword, NewPasswords } from './new-passwords.ts';
import { provePassword } from './prove-password.ts';

export interface Passwords {
  /**
   * Requests the mail with a reset link, if the bounds of the address allow one. Does the same for a known and an unknown address.
   * `deviceTokens`: a known device is not affected by requests of strangers. Throws `email_invalid`.
   */
  requestReset(caller: Caller, email: string, deviceTokens: string): Promise<void>;
  /** The same for an administrator, in the history of the user. Throws `rate_limited`. */
  mailReset(caller: Caller, user: { id: string; email: string }): Promise<void>;
  /** What is mailed of a challenge for this user; null if the challenge's key is gone. It is void as soon as the user's password changes. */
  resetSecret(challenge: ChallengeRecord, user: UserRecord): MailedSecret | null;
  /** Sets a new password, verifies the address and ends every session; returns the user. Throws `token_invalid` or `code_invalid`, `password_…`. */
  reset(caller: Caller, proof: MailedProof, newPassword: string): Promise<UserRecord>;
  /** Sets a new password and ends every other session; returns the user. Throws `invalid_credentials`, `rate_limited`, `password_…`. */
  change(caller: Caller, actor: SessionActor, currentPassword: string, newPassword: string): Promise<UserRecord>;
}

/** Lifetime of a reset link in milliseconds. */
export const RESET_TTL = 30 * MINUTE;
/** Challenges of an address with which a code is compared; its bounds allow fewer. */
const MOST_CHALLENGES = 50;

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
  handsOver: HandsOver;
  delayRefusal: RefusalDelay;
  clock: Clock;
}): Passwords {
  const { store, userStore, users, events, keyring, hasher, guessing, bounds, newPasswords, handsOver } = deps;
  const { delayRefusal, clock } = deps;

  function secretOf({ purpose, id, keyId }: ChallengeRecord, user: UserRecord): Buffer | null {
    if (!keyring.has(keyId)) return null;
    return deriveToken(keyring, { purpose, id, subject: `${user.id} ${user.passwordVersion}`, keyId });
  }

  /** The challenges that a proof may be of: the one that a token names, or all that were mailed to an address. */
  async function challengesOf(proof: MailedProof): Promise<ChallengeRecord[]> {
    if ('code' in proof) return store.listValid(loginKey(proof.email), 'password_reset', clock(), MOST_CHALLENGES);
    const parts = parseIdToken(proof.token);
    const challenge = parts && (await store.find(parts.id));
    return challenge && challenge.expiresAt > clock() ? [challenge] : [];
  }

  async function userOfProof(proof: MailedProof): Promise<UserRecord> {
    const [challenge, ...others] = await challengesOf(proof);
    const user = challenge ? await userStore.findByEmail(challenge.emailNorm) : null;
    if (!challenge || user?.status !== 'active') throw proofRefused(proof);
    const isRight = [challenge, ...others].some((each) => {
      // A link of another purpose, such as one that signs in, must not replace a password.
      const secret = each.purpose === 'password_reset' ? secretOf(each, user) : null;
      if (secret === null) return false;
      if ('code' in proof) return isCodeOf(secret, proof.code);
      return sameSecret(parseIdToken(proof.token)?.secret ?? '', secret);
    });
    if (!isRight) throw proofRefused(proof);
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
      tries: 0,
      locale: null,
      returnTo: null,
      expiresAt: after(now, RESET_TTL),
      createdAt: now,
      version: 1,
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

    resetSecret(challenge, user) {
      const secret = secretOf(challenge, user);
      return secret && mailedSecret(challenge.id, secret);
    },

    async reset(caller, proof, newPassword) {
      const lost = () => proofRefused(proof);
      const name = 'code' in proof ? loginKey(proof.email) : proof.token;
      const user = await delayRefusal(name, () => userOfProof(proof));
      const { emailNorm, emailVerified } = user;
      const isHandedOver = await handsOver(user);
      let claimed: Partial<NewPassword> = {};
      return newPasswords.set(caller, user, newPassword, {
        type: 'user.password_reset',
        ...(isHandedOver && { data: { before: { emailVerified }, after: { emailVerified: true } } }),
        lost,
        demand(now) {
          if (now.emailNorm !== emailNorm) throw lost();
          // Whoever made an account without showing that its address is theirs may be somebody else, and keeps no key and no factor.
          const { grantEpoch, credentialEpoch } = now;
          const isClaimed = isHandedOver && !now.emailVerified;
          claimed = isClaimed
            ? { grantEpoch: grantEpoch + 1, credentialEpoch: credentialEpoch + 1, emailVerified: true }
            : {};
        },
        // Whoever has the link or the code reads the mailbox. If that is not enough, the sign-in asks for the factor, and then for the address.
        write: (at, change, event) => userStore.setPassword(at, { ...change, ...claimed }, event),
      });
    },

    async change(caller, actor, currentPassword, newPassword) {
      const user = await users.me(actor);
      const attempt = await guessing.admitSession(actor);
      await provePassword(attempt, hasher, currentPassword, user);
      await attempt.passed();
      return newPasswords.set(caller, user, newPassword, {
        type: 'user.password_changed',
        lost: authErrors.invalid_credentials,
        keptSessionId: (now) => keptSession(now, actor),
      });
    },
  };
}
