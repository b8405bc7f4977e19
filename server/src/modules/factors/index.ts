import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Part } from '../../platform/http/part.ts';
import type { Events } from '../events/events.ts';
import type { Mails } from '../mails/mails.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import type { SecondFactor } from '../sign-in/second-factor.ts';
import type { UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import { type AuthenticatorApps, createAuthenticatorApps } from './authenticator-apps.ts';
import { type ChangeFactors, createChangeFactors } from './change-factors.ts';
import type { FactorStore } from './factor-store.ts';
import { registerFollowUps } from './follow-ups.ts';
import { registerResealing } from './jobs.ts';
import * as factorMails from './mails.ts';
import { createOwnFactors, type MfaDemandOf } from './own-factors.ts';
import { createFactorRecords, type FactorRecords } from './records.ts';
import {
  createRecoveryCodes,
  type MakeRecoveryCodes,
  newRecoveryCodes,
  type RecoveryCodeUseCases,
} from './recovery-codes.ts';
import { factorRoutes } from './routes.ts';
import { createSecondFactors } from './second-factors.ts';
import { createTotpSeals } from './totp-seals.ts';

export interface FactorModule {
  records: FactorRecords;
  changeFactors: ChangeFactors;
  apps: AuthenticatorApps;
  recoveryCodes: RecoveryCodeUseCases;
  makeRecoveryCodes: MakeRecoveryCodes;
  /** For the sign-in. */
  secondFactors: [SecondFactor, ...SecondFactor[]];
}

export { createHandsOver } from './hand-over.ts';

/** What proves people besides the password, with its jobs and mails: `createFactors({ ...base, store: storage.factors })`. */
export function createFactors(deps: {
  store: FactorStore;
  userStore: UserStore;
  events: Events;
  keyring: Keyring;
  config: Pick<Config, 'publicUrl'>;
  periodic: Periodic;
  mails: Mails;
  clock: Clock;
  log: Logger;
}): FactorModule {
  const records = createFactorRecords(deps);
  const seals = createTotpSeals(deps);
  const change = createChangeFactors({ ...deps, records });
  const issuer = new URL(deps.config.publicUrl).hostname;
  const apps = createAuthenticatorApps({ ...deps, change, seals, issuer });
  const recoveryCodes = createRecoveryCodes({ ...deps, change });
  registerResealing({ ...deps, seals });
  registerFollowUps(deps);
  deps.mails.add(factorMails, deps);
  const secondFactors = createSecondFactors({ ...deps, apps, recoveryCodes });
  return { records, changeFactors: change, apps, recoveryCodes, makeRecoveryCodes: newRecoveryCodes, secondFactors };
}

/** The routes with which people look after their factors: `createOwnFactorRoutes({ ...ground, ...factors, users, signIn, mfaPolicyOf })`. */
export function createFactorRoutes(
  deps: Pick<FactorModule, 'records' | 'apps' | 'recoveryCodes'> & {
    users: Users;
    mfaPolicyOf: MfaDemandOf;
    signIn: Pick<SignInEngine, 'strengthen'>;
    clock: Clock;
  },
): Part {
  return { routes: [factorRoutes({ own: createOwnFactors(deps) })] };
}
