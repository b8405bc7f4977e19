import { after, type Clock, MINUTE, SECOND } from '../../platform/clock.ts';
import { CODE_TTL } from '../../platform/crypto/one-time.ts';
import { rateLimited } from '../../platform/http/limits.ts';
import { authErrors } from '../auth/errors.ts';
import { hintOf } from '../users/names.ts';
import { codeInput } from '../users/schemas.ts';
import type { EmailChange, UserRecord } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { defineStep, type Step } from './step.ts';

/** Milliseconds between two mails with a code. */
const RESEND_AFTER = MINUTE;

/** The step that verifies the account's own address by a mailed code. */
export function createVerifyEmail(deps: { users: Users; clock: Clock }): Step {
  const { users, clock } = deps;

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

  return defineStep({
    fields: { code: codeInput },
    needs: [['code']],
    errors: ['code_invalid', 'email_taken'],

    view: (user) => ({
      methods: ['email'],
      hint: user.email === null ? undefined : { email: hintOf(user.email) },
      resendAfter: Math.ceil(resendWait(user) / SECOND),
    }),

    async begin(caller, user) {
      // Also if no mail is allowed now: the step then waits for one of the codes that were mailed, or for the next.
      if (user.email && !waitingCode(user)) await users.beginEmailChange(caller, user.id, user.email);
    },

    options: {
      email: {
        about: 'mail a code',
        answer: null,
        async prepare(caller, user) {
          const wait = resendWait(user) || (user.email ? await users.beginEmailChange(caller, user.id, user.email) : 0);
          if (wait > 0) throw rateLimited(wait);
          return null;
        },
      },
    },

    async complete(caller, { id, emailNorm }, { code = '' }) {
      // Only for the account's own address: a change to another address has its own route.
      await users.confirmEmailChange(caller, id, code, authErrors.code_invalid, emailNorm);
      return { proofs: [{ method: 'email', at: clock() }] };
    },
  });
}
