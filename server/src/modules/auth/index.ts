import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { KeyedHash } from '../../platform/crypto/keyed-hash.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { createPasswordHasher, type PasswordHasher } from '../../platform/crypto/password-hasher.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { ForgivableLimit } from '../../platform/http/limits.ts';
import { createLoadShedder } from '../../platform/http/load-shedder.ts';
import type { Part } from '../../platform/http/part.ts';
import type { EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { HandsOver } from '../factors/hand-over.ts';
import type { AddressBounds } from '../guessing/address-bounds.ts';
import type { DeviceCookie } from '../guessing/device-cookie.ts';
import type { DeviceTokens } from '../guessing/device-tokens.ts';
import type { Guessing } from '../guessing/guessing.ts';
import type { Mails } from '../mails/mails.ts';
import type { PasswordDecryptor } from '../password-encryption/password-decryptor.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import type { Reauthentication } from '../sign-in/reauthenticate.ts';
import type { UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { registerAccountHandlers } from './account-handlers.ts';
import * as accountMails from './account-mails.ts';
import { type BreachedPasswords, createBreachedPasswords } from './breached-passwords.ts';
import type { ChallengeStore } from './challenge-store.ts';
import { createInvitations, type Invitations } from './invitations.ts';
import { registerAuthPurges } from './jobs.ts';
import * as authMails from './mails.ts';
import { createNewPasswords, type NewPasswords } from './new-passwords.ts';
import { createPasswordPolicy, type PasswordPolicy } from './password-policy.ts';
import { createPasswordSignIn } from './password-sign-in.ts';
import { createPasswords, type Passwords } from './passwords.ts';
import { createRegistrations } from './registration.ts';
import { registrationRoutes } from './registration-routes.ts';
import type { RegistrationStore } from './registration-store.ts';
import { authRoutes } from './routes.ts';

export { createBlockNotice } from './block-notice.ts';

export interface PasswordRules {
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  /** Null: no list of breached passwords is configured. */
  breached: BreachedPasswords | null;
  newPasswords: NewPasswords;
}

/** Creates the hasher, and the policy for new passwords: `createPasswordRules({ ...ground, userStore: storage.users, users, config })`. */
export function createPasswordRules(deps: {
  userStore: UserStore;
  users: Users;
  events: Events;
  config: Config;
  /** Milliseconds that a request may wait for its password to be hashed. */
  longestWait?: number | undefined;
  clock: Clock;
  log: Logger;
}): PasswordRules {
  const { config, longestWait, log } = deps;
  const { argon2Memory: memory, argon2Passes: passes, breachPath, minLength } = config.passwords;
  const hasher = createPasswordHasher({ memory, passes, processes: config.workers, longestWait });
  const breached = breachPath === null ? null : createBreachedPasswords({ path: breachPath, log });
  const policy = createPasswordPolicy({ minLength, breached });
  return { hasher, policy, breached, newPasswords: createNewPasswords({ ...deps, hasher, policy }) };
}

/**
 * Creates registration, invitations, password sign-in and changes of passwords, with their routes, handlers, mails and purges:
 * `createAuth({ ...ground, ...rules, registrationStore: storage.registrations, signIn, … })`.
 */
export function createAuth(deps: {
  registrationStore: RegistrationStore;
  challengeStore: ChallengeStore;
  userStore: UserStore;
  eventStore: EventStore;
  users: Users;
  sessions: Sessions;
  signIn: SignInEngine;
  reauthentication: Reauthentication;
  guessing: Guessing;
  /** Limits proofs of a password within a session. */
  passwordTries: ForgivableLimit;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  newPasswords: NewPasswords;
  bounds: AddressBounds;
  handsOver: HandsOver;
  devices: DeviceCookie;
  deviceTokens: DeviceTokens;
  decryptor: PasswordDecryptor;
  delayRefusal: RefusalDelay;
  events: Events;
  keyring: Keyring;
  keyedHash: KeyedHash;
  periodic: Periodic;
  mails: Mails;
  config: Config;
  clock: Clock;
  log: Logger;
}): { passwords: Passwords; invitations: Invitations; part: Part } {
  const { registrationStore, challengeStore, config } = deps;
  const registrations = createRegistrations({ ...deps, store: registrationStore });
  const passwords = createPasswords({ ...deps, store: challengeStore });
  const passwordSignIn = createPasswordSignIn(deps);
  const invitations = createInvitations(deps);
  const loadShedder = createLoadShedder(deps.hasher.refusal);
  registerAccountHandlers(deps);
  registerAuthPurges(deps);
  deps.mails.add(
    { ...authMails, ...accountMails },
    { ...deps, registrations, passwords, invitations, pagesUrl: config.pagesUrl },
  );
  const routes = [
    registrationRoutes({ ...deps, registrations, invitations, loadShedder }),
    authRoutes({ ...deps, passwordSignIn, passwords, loadShedder }),
  ];
  return { passwords, invitations, part: { routes } };
}
