import type { Clock } from '../../platform/clock.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import type { SignInEngine } from '../sign-in/engine.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { AuthenticatorApps, BegunEnrolment } from './authenticator-apps.ts';
import type { TotpRecord } from './factor-store.ts';
import { demandAsStrong, type Factors } from './names.ts';
import type { FactorRecords } from './records.ts';
import type { RecoveryCodeUseCases } from './recovery-codes.ts';

/** What demands a second factor of a user, such as `role:admin`. */
export type MfaDemandOf = (user: UserRecord, caller: Caller, factors: Factors) => DemandOfUser | Promise<DemandOfUser>;
type DemandOfUser = { mfa: string; requiredBy: readonly string[] };

/** What users do with their own factors. All throw `unauthenticated` if the user is gone. */
export interface OwnFactors {
  list(caller: Caller, actor: SessionActor): Promise<{ factors: Factors; requiredBy: readonly string[] }>;
  beginTotp(actor: SessionActor, name?: string): Promise<BegunEnrolment>;
  /** The session then counts as proved by the app, too. */
  confirmTotp(
    caller: Caller,
    actor: SessionActor,
    given: { enrollToken: string; code: string },
  ): Promise<{ totp: TotpRecord; recoveryCodes?: string[] }>;
  removeTotp(caller: Caller, actor: SessionActor, id: string): Promise<void>;
  renewRecoveryCodes(caller: Caller, actor: SessionActor): Promise<string[]>;
}

export function createOwnFactors(deps: {
  users: Users;
  records: FactorRecords;
  apps: AuthenticatorApps;
  recoveryCodes: RecoveryCodeUseCases;
  mfaPolicyOf: MfaDemandOf;
  signIn: Pick<SignInEngine, 'strengthen'>;
  clock: Clock;
}): OwnFactors {
  const { users, records, apps, recoveryCodes, mfaPolicyOf, signIn, clock } = deps;

  async function read(actor: SessionActor) {
    const user = await users.me(actor);
    return { user, factors: await records.held(user) };
  }

  return {
    async list(caller, actor) {
      const { user, factors } = await read(actor);
      const { requiredBy } = await mfaPolicyOf(user, caller, factors);
      return { factors, requiredBy };
    },

    async beginTotp(actor, name) {
      const { user, factors } = await read(actor);
      demandAsStrong(actor, factors);
      return apps.begin(user, actor.sessionId, name);
    },

    async confirmTotp(caller, actor, { enrollToken, code }) {
      const given = { enrollToken, code, boundTo: actor.sessionId };
      const added = await apps.confirm(caller, actor.userId, given, (factors) => demandAsStrong(actor, factors));
      await signIn.strengthen(caller, actor, [{ method: 'totp', at: clock() }]);
      return added;
    },

    async removeTotp(caller, actor, id) {
      const { user, factors } = await read(actor);
      const { mfa } = await mfaPolicyOf(user, caller, factors);
      await apps.remove(caller, actor, id, mfa !== 'off');
    },

    renewRecoveryCodes: (caller, actor) => recoveryCodes.renew(caller, actor),
  };
}
