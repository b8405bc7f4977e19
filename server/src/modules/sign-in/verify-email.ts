import { after, type Clock, MINUTE, SECOND } from '../../platform/clock.ts';
import { CODE_TRIES, CODE_TTL } from '../../platform/crypto/one-time.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { rateLimited } from '../../platform/http/limits.ts';
import { authErrors } from '../auth/errors.ts';
import type { Events } from '../events/events.ts';
import type { EmailChange, UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { Step } from './step.ts';

/** Milliseconds between two mails with a code. */
const RESEND_AFTER = MINUTE;

/** The step that verifies the account's own address by a mailed code. */
export function createVerifyEmail(deps: {
  users: Users;
  userStore: UserStore;
  events: Events;
  /** Counts a mail for the account. Throws `rate_limited`. */
  countMail: (userId: string) => Promise<void>;
  clock: Clock;
}): Step {
  const { users, userStore, events, countMail, clock } = deps;

  /** The pending code for the account's own address. */
  function waitingCode({ emailChange, emailNorm }: UserRecord): EmailChange | null {
    return emailChange && emailChange.emailNorm === emailNorm && emailChange.expiresAt > clock() ? emailChange : null;
  }

  /** Milliseconds until the code can be mailed again. */
  function resendWait(user: UserRecord): number {
    const code = waitingCode(user);
    const mailedAt = code && after(code.expiresAt, -CODE_TTL);
    return mailedAt ? Math.max(0, after(mailedAt, RESEND_AFTER).getTime() - clock().getTime()) : 0;
  }

  /** Mails the same code with a new expiry, so that an earlier mail that arrives late is still right. Counted attempts stay. */
  async function mailAgain(caller: Caller, userId: string, code: EmailChange): Promise<void> {
    await users.change(userId, async (user) => {
      if (user.emailChange?.id !== code.id) return 'ok';
      const about = { target: `user:${userId}`, userId };
      const data = { challengeId: code.id };
      const event = events.describe(caller, { type: 'user.email_change_requested', ...about, data });
      const at = { id: userId, version: user.version, now: clock() };
      return userStore.extendEmailChange(at, after(clock(), CODE_TTL), event);
    });
  }

  return {
    field: 'code',

    view: (user) => ({
      methods: ['email'],
      hint: user.email === null ? undefined : { email: hintOf(user.email) },
      resendAfter: Math.ceil(resendWait(user) / SECOND),
    }),

    async begin(caller, user) {
      if (user.email && !waitingCode(user)) await users.beginEmailChange(caller, user.id, user.email);
    },

    async mail(caller, user) {
      const wait = resendWait(user);
      if (wait > 0) throw rateLimited(wait);
      await countMail(user.id);
      const code = waitingCode(user);
      if (code && code.tries < CODE_TRIES) await mailAgain(caller, user.id, code);
      else if (user.email) await users.beginEmailChange(caller, user.id, user.email);
    },

    async complete(caller, { id, emailNorm }, code) {
      // Only for the account's own address: a change to another address has its own route.
      await users.confirmEmailChange(caller, id, code, authErrors.code_invalid, emailNorm);
      return { proofs: [{ method: 'email', at: clock() }] };
    },
  };
}

/** The masked address, which its owner recognises: `a…@example.com`. */
function hintOf(email: string): string {
  const at = email.lastIndexOf('@');
  return `${[...email.slice(0, at)][0] ?? ''}…${email.slice(at)}`;
}
