import { after, type Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { CODE_TRIES, CODE_TTL, deriveCode, isCode, sameCode } from '../../platform/crypto/one-time.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import type { AddressBounds, Asker } from '../guessing/address-bounds.ts';
import type { ChangeActive } from './change-active.ts';
import { toEmail } from './names.ts';
import type { EmailChange, UserRecord, UserStore } from './user-store.ts';

/** Changes of the e-mail address, and the first verification of the current one. */
export interface EmailChanges {
  /**
   * Mails a code to the new address (or to the current one, to verify it): the pending one again while it is valid, with a new expiry and
   * the tries that are counted, else a new one. Returns the milliseconds to wait if the bounds of the address allow no mail, and then
   * changes nothing; 0: it was mailed. Throws `email_invalid`.
   */
  beginEmailChange(caller: Caller, userId: string, newEmail: string): Promise<number>;
  /**
   * Sets the pending address if the code is right; if `emailNorm` is given, only an address of that canonical form. Throws `invalid` for
   * a code that is wrong, used, expired or unknown, `email_taken`, and `rate_limited` after many wrong codes for the address.
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
  bounds: AddressBounds;
  keyring: Keyring;
  events: Events;
  clock: Clock;
}): EmailChanges {
  const { store, change, bounds, keyring, events, clock } = deps;

  const about = (user: UserRecord) => ({ target: `user:${user.id}`, userId: user.id });
  const at = (user: UserRecord) => ({ id: user.id, version: user.version, now: clock() });

  function emailChangeCode(userId: string, { id, keyId, emailNorm }: EmailChange): string | null {
    if (!keyring.has(keyId)) return null;
    return deriveCode(keyring, { purpose: 'email-change', id, subject: `${userId} ${emailNorm}`, keyId });
  }

  /** Whether a pending change is to this address, and its code can still be used. */
  function isGood(pending: EmailChange | null, emailNorm: string): pending is EmailChange {
    if (pending?.emailNorm !== emailNorm || !keyring.has(pending.keyId)) return false;
    return pending.expiresAt > clock() && pending.tries < CODE_TRIES;
  }

  /** Whoever verifies the address of their account has proved that account: strangers do not use up their mails and tries. */
  function askerOf({ ip }: Caller, user: UserRecord | null, { emailNorm }: Pick<EmailChange, 'emailNorm'>): Asker {
    return { ip, apart: user?.emailNorm === emailNorm ? `account ${user.id}` : null };
  }

  return {
    emailChangeCode,

    async beginEmailChange(caller, userId, newEmail) {
      const address = toEmail(newEmail);
      const wait = await bounds.takeMail(askerOf(caller, await store.find(userId), address), address.emailNorm);
      if (wait > 0) return wait;
      const now = clock();
      const expiresAt = after(now, CODE_TTL);
      const challenge: EmailChange = { id: newId(now), keyId: keyring.currentKeyId, ...address, expiresAt, tries: 0 };
      await change(userId, (user) => {
        const pending = isGood(user.emailChange, address.emailNorm) ? user.emailChange : null;
        const event = events.describe(caller, {
          type: 'user.email_change_requested',
          ...about(user),
          data: { challengeId: (pending ?? challenge).id },
        });
        // The same code again: a mail that arrives late is still right, and another request gives no more tries.
        if (pending) return store.extendEmailChange(at(user), expiresAt, event);
        return store.beginEmailChange(at(user), challenge, event);
      });
      return 0;
    },

    async confirmEmailChange(caller, userId, code, invalid, emailNorm) {
      if (!isCode(code)) throw invalid();
      const asker = await store.find(userId);
      const asked = asker?.emailChange;
      if (emailNorm !== undefined && asked?.emailNorm !== emailNorm) throw invalid();
      if (!asked || !(await store.countEmailTry(userId, asked.id, CODE_TRIES, clock()))) throw invalid();
      const guess = await bounds.takeGuess(askerOf(caller, asker, asked), asked.emailNorm);
      const expected = emailChangeCode(userId, asked);
      if (expected === null || !sameCode(code, expected)) throw invalid();
      await guess.undo();
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
