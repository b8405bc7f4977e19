import type { Clock } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Part } from '../../platform/http/part.ts';
import type { NewPasswords } from '../auth/new-passwords.ts';
import type { EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { FactorRecords } from '../factors/records.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import type { Guessing } from '../guessing/guessing.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import type { RefreshCookie } from '../sessions/cookie.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { createChangePassword } from './change-password.ts';
import type { MfaPolicy } from './decide.ts';
import { createSignInEngine, type MfaPolicyOf, type SignInEngine } from './engine.ts';
import { createEnrollMfa } from './enroll-mfa.ts';
import { createFlowTokens, FLOW_TOKEN_FORM } from './flow-token.ts';
import { createMfa } from './mfa.ts';
import { createNotice } from './notice.ts';
import { createReauthentication, type Reauthentication } from './reauthenticate.ts';
import { signInRoutes } from './routes.ts';
import type { SecondFactor } from './second-factor.ts';
import { createVerifyEmail } from './verify-email.ts';

/** No policy: whoever has a second factor is asked for it, and nobody must have one. */
export const NO_MFA_POLICY: MfaPolicy = { mfa: 'off', mfaGraceUntil: null, trusted: false, requiredBy: [] };

/** Composes the sign-in engine with its steps: `const signIn = createSignIn({ …, verifyEmail: true })`. */
export function createSignIn(deps: {
  users: Users;
  userStore: UserStore;
  sessions: Sessions;
  newPasswords: NewPasswords;
  guessing: Guessing;
  keyring: Keyring;
  records: FactorRecords;
  /** In the order in which they are offered. */
  secondFactors: readonly [SecondFactor, ...SecondFactor[]];
  mfaPolicyOf: MfaPolicyOf;
  /** How somebody can begin a sign-in here, the usual one first. */
  waysIn: readonly string[];
  events: Events;
  eventStore: EventStore;
  /** Whether an account needs a verified address. */
  verifyEmail: boolean;
  cookie: RefreshCookie;
  devices: DeviceCookie;
  decryptor: PasswordDecryptor;
  clock: Clock;
}): { signIn: SignInEngine; reauthentication: Reauthentication; part: Part } {
  const { keyring, verifyEmail, secondFactors, clock } = deps;
  const steps = {
    mfa: createMfa(secondFactors),
    verify_email: createVerifyEmail(deps),
    change_password: createChangePassword(deps),
    enroll_mfa: createEnrollMfa(secondFactors),
  };
  const flowTokens = createFlowTokens({ keyring, clock });
  const notifyOfTries = createNotice(deps);
  const signIn = createSignInEngine({ ...deps, flowTokens, steps, notifyOfTries, policy: { verifyEmail } });
  const reauthentication = createReauthentication({ ...deps, notifyOfTries, signIn });
  const routes = [signInRoutes({ ...deps, signIn, steps: Object.values(steps) })];
  return { signIn, reauthentication, part: { routes, tokens: [FLOW_TOKEN_FORM] } };
}
