import { after, type Clock, DAY } from '../../platform/clock.ts';
import { formatIdToken, parseIdToken } from '../../platform/crypto/id-token.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { deriveToken, sameSecret } from '../../platform/crypto/one-time.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { rateLimited } from '../../platform/http/limits.ts';
import { newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import type { AddressBounds } from '../guessing/address-bounds.ts';
import { askerOf } from '../guessing/names.ts';
import type { SignedIn } from '../sessions/sessions.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import { userErrors } from '../users/errors.ts';
import { toPerson } from '../users/names.ts';
import type { Invitation, UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { authErrors } from './errors.ts';
import type { NewPasswords } from './new-passwords.ts';

export interface Invitations {
  /** A new invitation, to be stored in the record of the invited user. */
  draft(): Invitation;
  /**
   * Replaces the link and mails the new one. Throws `gone` if the user is not active, `status_conflict` if they have a password, and
   * `rate_limited` after many to one address.
   */
  renew(caller: Caller, userId: string, gone: () => Error): Promise<UserRecord>;
  /** The token of a user's invitation; derived, so that a mail that is sent twice is the same. Null if none is valid or its key is gone. */
  token(user: UserRecord): string | null;
  /** Sets the first password and signs in. Throws `token_invalid`, `password_…`, `username_invalid`, `username_taken`. */
  accept(
    caller: Caller,
    input: { token: string; password: string; username?: string; fullName?: string },
  ): Promise<SignedIn>;
}

/** Lifetime of an invitation in milliseconds. */
export const INVITATION_TTL = 7 * DAY;
const PURPOSE = 'invitation';

/** Creates the use cases of invitations: the owner of an account that an administrator created sets its first password. */
export function createInvitations(deps: {
  userStore: UserStore;
  users: Users;
  signIn: SignInEngine;
  newPasswords: NewPasswords;
  bounds: AddressBounds;
  events: Events;
  keyring: Keyring;
  delayRefusal: RefusalDelay;
  clock: Clock;
}): Invitations {
  const { userStore, users, signIn, newPasswords, bounds, events, keyring, delayRefusal, clock } = deps;

  /** Depends on the address, too: a link in one mailbox must not prove that another belongs to the same person. */
  function secretOf({ id: userId, passwordVersion, emailNorm, invitation }: UserRecord): Buffer | null {
    if (!invitation || invitation.expiresAt <= clock() || !keyring.has(invitation.keyId)) return null;
    const { id, keyId } = invitation;
    return deriveToken(keyring, { purpose: PURPOSE, id, subject: `${userId} ${passwordVersion} ${emailNorm}`, keyId });
  }

  /** The token names the user, and is compared with the one that is valid now: a newer link or a password voids it. */
  async function userOfToken(token: string): Promise<UserRecord> {
    const parts = parseIdToken(token);
    if (parts === null) throw authErrors.token_invalid();
    return delayRefusal(parts.id, async () => {
      const user = await userStore.find(parts.id);
      const secret = user?.status === 'active' ? secretOf(user) : null;
      if (!user || !secret || !sameSecret(parts.secret, secret)) throw authErrors.token_invalid();
      return user;
    });
  }

  function draft(): Invitation {
    const now = clock();
    return { id: newId(now), keyId: keyring.currentKeyId, expiresAt: after(now, INVITATION_TTL) };
  }

  return {
    draft,

    async renew(caller, userId, gone) {
      const invited = await userStore.find(userId);
      if (invited?.emailNorm && invited.passwordHash === null) {
        const wait = await bounds.takeMail(askerOf(caller), invited.emailNorm);
        if (wait > 0) throw rateLimited(wait);
      }
      return users.change(
        userId,
        (user) => {
          if (user.passwordHash !== null) throw userErrors.status_conflict();
          const invitation = draft();
          const event = events.describe(caller, {
            type: 'user.invited',
            target: `user:${userId}`,
            userId,
            data: { invitationId: invitation.id },
          });
          return userStore.invite({ id: userId, version: user.version, now: clock() }, invitation, event);
        },
        gone,
      );
    },

    token(user) {
      const secret = secretOf(user);
      return secret && formatIdToken(user.id, secret);
    },

    async accept(caller, { token, password, username, fullName }) {
      const invited = await userOfToken(token);
      const names = username === undefined ? {} : users.toOwnUsername(username, invited.usernameKey);
      const chosen = { ...names, ...toPerson({ fullName }) };
      const user = await newPasswords.set(caller, invited, password, {
        type: 'user.invitation_accepted',
        lost: authErrors.token_invalid,
        person: { ...invited, ...chosen },
        demand(now) {
          const isSame = now.invitation?.id === invited.invitation?.id && now.emailNorm === invited.emailNorm;
          if (!isSame) throw authErrors.token_invalid();
        },
        write: (at, { hash, passwordVersion, sessionEpoch }, event) =>
          userStore.acceptInvitation(at, { hash, passwordVersion, sessionEpoch, ...chosen }, event),
      });
      const proofs = [{ method: 'email', at: clock() } as const];
      return signIn.enter(caller, { user, proofs, refused: authErrors.token_invalid });
    },
  };
}
