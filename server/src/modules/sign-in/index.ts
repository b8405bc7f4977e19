import type { Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Part } from '../../platform/http/part.ts';
import type { NewPasswords } from '../auth/new-passwords.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import type { Guessing } from '../guessing/guessing.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import type { RefreshCookie } from '../sessions/cookie.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { createChangePassword } from './change-password.ts';
import { createSignInEngine, type SignInEngine } from './engine.ts';
import { createFlowTokens, FLOW_TOKEN_FORM } from './flow-token.ts';
import { signInRoutes } from './routes.ts';
import { createVerifyEmail } from './verify-email.ts';

/** Composes the sign-in engine with its steps: `const signIn = createSignIn({ …, verifyEmail: true })`. */
export function createSignIn(deps: {
  users: Users;
  userStore: UserStore;
  sessions: Sessions;
  newPasswords: NewPasswords;
  guessing: Guessing;
  keyring: Keyring;
  /** Whether an account needs a verified address. */
  verifyEmail: boolean;
  cookie: RefreshCookie;
  devices: DeviceCookie;
  decryptor: PasswordDecryptor;
  clock: Clock;
}): { signIn: SignInEngine; part: Part } {
  const { keyring, verifyEmail, clock } = deps;
  const steps = {
    verify_email: createVerifyEmail(deps),
    change_password: createChangePassword(deps),
  };
  const flowTokens = createFlowTokens({ keyring, clock });
  const signIn = createSignInEngine({ ...deps, flowTokens, steps, policy: { verifyEmail } });
  const routes = [signInRoutes({ ...deps, signIn, steps: Object.values(steps) })];
  return { signIn, part: { routes, tokens: [FLOW_TOKEN_FORM] } };
}
