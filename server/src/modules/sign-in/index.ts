import type { Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { createSubjectLimit } from '../../platform/http/limits.ts';
import type { Counters } from '../../platform/limits/counters.ts';
import type { NewPasswords } from '../auth/new-passwords.ts';
import type { Events } from '../events/events.ts';
import type { Guessing } from '../guessing/guessing.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { createChangePassword } from './change-password.ts';
import { createSignInEngine, type SignInEngine } from './engine.ts';
import { createFlowTokens } from './flow-token.ts';
import { createVerifyEmail } from './verify-email.ts';

export { signInErrors } from './errors.ts';
export { signInRoutes } from './routes.ts';

/** Codes that one account is mailed again, within an hour. */
const MAILS = { name: 'step-mail', points: 5, duration: 3600 };

/** The sign-in engine with its steps: `const signIn = createSignIn({ …, verifyEmail: true })`. */
export function createSignIn(deps: {
  users: Users;
  userStore: UserStore;
  sessions: Sessions;
  newPasswords: NewPasswords;
  guessing: Guessing;
  events: Events;
  keyring: Keyring;
  /** Null: nothing is limited. */
  counters: Counters | null;
  /** Whether an account needs a proved address. */
  verifyEmail: boolean;
  clock: Clock;
}): SignInEngine {
  const { keyring, counters, verifyEmail, clock } = deps;
  return createSignInEngine({
    ...deps,
    flowTokens: createFlowTokens({ keyring, clock }),
    steps: {
      verify_email: createVerifyEmail({ ...deps, countMail: createSubjectLimit(MAILS, counters) }),
      change_password: createChangePassword(deps),
    },
    policy: { verifyEmail },
  });
}
