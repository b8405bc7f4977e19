import { after, type Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { CODE_TRIES, CODE_TTL, deriveCode, isCode, sameCode } from '../../platform/crypto/one-time.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import type { ChangeActive } from './change-active.ts';
import { toEmail } from './names.ts';
import type { EmailChange, UserRecord, UserStore } from './user-store.ts';

/** Changes of the e-mail address, and the first verification of the current one. */
export interface EmailChanges {
  /** Starts a change: a code is mailed to the new address (or to the current one, to verify it). Throws `email_invalid`. */
  beginEmailChange(caller: Caller, userId: string, newEmail: string): Promise<EmailChange>;
  /**
   * Sets the pending address if the code is right; if `emailNorm` is given, only an address of that canonical form. Throws `invalid` for
   * a code that is wrong, used, expired or unknown, and `email_taken`.
   */
  confirmEmailChange(
    caller: Caller,
    userId: string,
    code: string,
    invalid: () => Error,
    emailNorm?: string | null,
  ): Promise<UserRecord>;
  /** The code of a pending change; derived, so that a mail that is sent twice contains the same code. Null if its key is gone. */
  emailChangeCode(userId: string, change: EmailChange): string | null;
}

export function createEmailChanges(deps: {
  store: UserStore;
  change: ChangeActive;
  keyring: Keyring;
  events: Events;
  clock: Clock;
}): EmailChanges {
  const { store, change, keyring, events, clock } = deps;

  const about = (user: UserRecord) => ({ target: `user:${user.id}`, userId: user.id });
  const at = (user: UserRecord) => ({ id: user.id, version: user.version, now: clock() });

  function emailChangeCode(userId: string, { id, keyId, emailNorm }: EmailChange): string | null {
    if (!keyring.has(keyId)) return null;
    return deriveCode(keyring, { purpose: 'email-change', id, subject: `${userId} ${emailNorm}`, keyId });
  }

  return {
    emailChangeCode,

    async beginEmailChange(caller, userId, newEmail) {
      const now = clock();
      const challenge: EmailChange = {
        id: newId(now),
        keyId: keyring.currentKeyId,
        ...toEmail(newEmail),
        expiresAt: after(now, CODE_TTL),
        tries: 0,
      };
      await change(userId, (user) => {
        const event = events.describe(caller, {
          type: 'user.email_change_requested',
          ...about(user),
          data: { challengeId: challenge.id },
        });
        return store.beginEmailChange(at(user), challenge, event);
      });
      return challenge;
    },

    async confirmEmailChange(caller, userId, code, invalid, emailNorm) {
      if (!isCode(code)) throw invalid();
      const asked = (await store.find(userId))?.emailChange;
      if (emailNorm !== undefined && asked?.emailNorm !== emailNorm) throw invalid();
      if (!asked || !(await store.countEmailTry(userId, asked.id, CODE_TRIES, clock()))) throw invalid();
      const expected = emailChangeCode(userId, asked);
      if (expected === null || !sameCode(code, expected)) throw invalid();
      return change(
        userId,
        (user) => {
          if (user.emailChange?.id !== asked.id) throw invalid();
          const event = events.describe(caller, {
            type: 'user.email_changed',
            ...about(user),
            data: {
              before: { email: user.email, emailVerified: user.emailVerified },
              after: { email: asked.email, emailVerified: true },
            },
            evicts: true,
          });
          return store.takeEmail(at(user), asked, event);
        },
        invalid,
      );
    },
  };
}
