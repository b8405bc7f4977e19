import { authErrors, PASSWORD_CODES } from '../auth/errors.ts';
import type { NewPasswords } from '../auth/new-passwords.ts';
import { passwordFields } from '../password-encryption/schemas.ts';
import { defineStep, type Step } from './step.ts';

/** The step that replaces a password set by an administrator. */
export function createChangePassword({ newPasswords }: { newPasswords: NewPasswords }): Step {
  return defineStep({
    fields: passwordFields('newPassword'),
    needs: [['newPassword']],
    passwords: ['newPassword'],
    errors: ['password_unchanged', ...PASSWORD_CODES],
    view: () => ({ methods: ['password'] }),

    async complete(caller, user, { newPassword = '' }, { keptSessionId }) {
      const { passwordVersion, sessionEpoch } = await newPasswords.set(caller, user, newPassword, {
        type: 'user.password_changed',
        data: { forced: true },
        lost: authErrors.token_invalid,
        mustDiffer: true,
        // If all sessions were ended since, the waiting one must not come back as the kept session or in the new epoch.
        demand(now) {
          if (now.sessionEpoch !== user.sessionEpoch) throw authErrors.token_invalid();
        },
        keptSessionId: () => keptSessionId,
      });
      return { proofs: [], moved: { passwordVersion, sessionEpoch } };
    },
  });
}
