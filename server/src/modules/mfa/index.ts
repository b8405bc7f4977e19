import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { RefusalDelay } from '../../platform/crypto/refusal-delay.ts';
import type { Caller } from '../../platform/http/caller.ts';
import type { Part } from '../../platform/http/part.ts';
import type { Authority } from '../access/authority.ts';
import type { Grants } from '../access/grants.ts';
import type { Events } from '../events/events.ts';
import type { FactorStore } from '../factors/factor-store.ts';
import { holdsPasskey, holdsSecondFactor } from '../factors/names.ts';
import type { FactorRecords } from '../factors/records.ts';
import type { Mails } from '../mails/mails.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { MfaPolicyOf } from '../sign-in/engine.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { DemandStore } from './demand-store.ts';
import { registerResets } from './jobs.ts';
import * as mfaMails from './mails.ts';
import { createMfaPolicies, type MfaPolicies } from './policy.ts';
import { createFactorResets, type FactorResets } from './resets.ts';
import { mfaRoutes } from './routes.ts';
import { createTrustCookie, type TrustCookie } from './trust-cookie.ts';
import { createTrustedDevices, type TrustedDevices } from './trusted-devices.ts';

export type { FactorResets } from './resets.ts';

export interface MfaRules {
  policies: MfaPolicies;
  trustedDevices: TrustedDevices;
  trustCookie: TrustCookie;
  mfaPolicyOf: MfaPolicyOf;
}

/**
 * What the sign-in engine asks: what is demanded of somebody, and whether their browser is trusted. `createMfaRules({ ...base, demands:
 * storage.mfaDemands, factorStore: storage.factors, records, grants })`.
 */
export function createMfaRules(deps: {
  demands: DemandStore;
  factorStore: FactorStore;
  records: FactorRecords;
  grants: Pick<Grants, 'rolesOf'>;
  userStore: UserStore;
  config: Config;
  events: Events;
  keyring: Keyring;
  clock: Clock;
}): MfaRules {
  const { factorStore: store, userStore: users, grants, config } = deps;
  const policies = createMfaPolicies({ ...deps, users, rolesOf: grants.rolesOf });
  const trustCookie = createTrustCookie({ config });
  const trustedDevices = createTrustedDevices({ ...deps, store, cookie: trustCookie, ttl: config.mfa.trustTtl });
  return {
    policies,
    trustedDevices,
    trustCookie,
    async mfaPolicyOf(user, caller, factors) {
      const reachable = { twoFactors: holdsSecondFactor(factors), phishingResistant: holdsPasskey(factors) };
      const { mfa, requiredBy, graceUntil, trustDevices } = await policies.policyOf(user, reachable);
      const trusted = trustDevices && trustedDevices.isTrusted(caller, user, factors.trusted);
      return { mfa, requiredBy, mfaGraceUntil: graceUntil, mayTrust: trustDevices, trusted };
    },
  };
}

/** Trusted devices, the lock-down and resets of second factors: `createMfa({ ...base, ...mfaRules, factorStore, authority, users, … })`. */
export function createMfa(deps: {
  policies: MfaPolicies;
  trustedDevices: TrustedDevices;
  factorStore: FactorStore;
  userStore: UserStore;
  users: Users;
  authority: Authority;
  waitingForFactor: (caller: Caller, flowToken: string) => Promise<UserRecord>;
  config: Config;
  events: Events;
  keyring: Keyring;
  delayRefusal: RefusalDelay;
  mails: Mails;
  periodic: Periodic;
  clock: Clock;
}): { resets: FactorResets; part: Part } {
  const { factorStore: store, userStore, mails, config } = deps;
  const { findByLogin } = deps.users;
  const delay = config.mfa.resetDelay;
  const resets = createFactorResets({ ...deps, store, users: userStore, findByLogin, delay });
  registerResets({ ...deps, store, resets });
  mails.add(mfaMails, { resets, publicUrl: config.publicUrl });
  return { resets, part: { routes: [mfaRoutes({ ...deps, resets })] } };
}
