import { after, type Clock, DAY } from '../../platform/clock.ts';
import { parseIdToken } from '../../platform/crypto/id-token.ts';
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
import { loginKey, toPerson } from '../users/names.ts';
import type { Invitation, UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { isCodeOf, type MailedProof, type MailedSecret, mailedSecret, proofRefused } from './mailed-proof.ts';
import type { NewPasswords } from './new-passwords.ts';

export interface Invitations {
  /** A new invitation, to be stored in the record of the invited user. */
  draft(): Invitation;
  /**
   * Replaces the link and mails the new one. Throws `gone` if the user is not active, `status_conflict` if they have a password, and
   * `rate_limited` after many to one address.
   */
  renew(caller: Caller, userId: string, gone: () => Error): Promise<UserRecord>;
  /** What is mailed of a user's invitation; derived, so that a mail that is sent twice is the same. Null if none is valid or its key is gone. */
  secret(user: UserRecord): MailedSecret | null;
  /** Sets the first password and signs in. Throws `token_invalid` or `code_invalid`, `password_…`, `username_invalid`, `username_taken`. */
  accept(
    caller: Caller,
    proof: MailedProof,
    input: { password: string; username?: string; fullName?: string },
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

  /** The proof names the user, and is compared with what is valid now: a newer invitation or a password voids it. */
  async function userOfProof(proof: MailedProof): Promise<UserRecord> {
    const parts = 'token' in proof ? parseIdToken(proof.token) : null;
    if ('token' in proof && parts === null) throw proofRefused(proof);
    const name = 'code' in proof ? loginKey(proof.email) : (parts?.id ?? '');
    return delayRefusal(name, async () => {
      const user = 'code' in proof ? await userStore.findByEmail(name) : await userStore.find(name);
      const secret = user?.status === 'active' ? secretOf(user) : null;
      if (!user || !secret) throw proofRefused(proof);
      const isRight = 'code' in proof ? isCodeOf(secret, proof.code) : sameSecret(parts?.secret ?? '', secret);
      if (!isRight) throw proofRefused(proof);
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

    secret(user) {
      const secret = secretOf(user);
      return secret && mailedSecret(user.id, secret);
    },

    async accept(caller, proof, { password, username, fullName }) {
      const lost = () => proofRefused(proof);
      const invited = await userOfProof(proof);
      const choose = () => ({
        ...(username !== undefined && users.toOwnUsername(username, invited.usernameKey)),
        ...toPerson({ fullName }),
      });
      const user = await newPasswords.set(caller, invited, password, {
        type: 'user.invitation_accepted',
        lost,
        chosen: choose,
        demand(now) {
          const isSame = now.invitation?.id === invited.invitation?.id && now.emailNorm === invited.emailNorm;
          if (!isSame) throw lost();
        },
        write: (at, { hash, passwordVersion, sessionEpoch }, event) =>
          userStore.acceptInvitation(at, { hash, passwordVersion, sessionEpoch, ...choose() }, event),
      });
      const proofs = [{ method: 'email', at: clock() } as const];
      return signIn.enter(caller, { user, proofs, refused: lost });
    },
  };
}
