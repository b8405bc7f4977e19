import type { Clock } from '../../platform/clock.ts';
import { authErrors } from '../auth/errors.ts';
import type { FactorEnrolment, SecondFactor } from '../sign-in/second-factor.ts';
import { codeInput } from '../users/schemas.ts';
import type { AuthenticatorApps } from './authenticator-apps.ts';
import type { RecoveryCodeUseCases } from './recovery-codes.ts';
import { enrollTokenInput, enrolmentSchema, recoveryCodeInput } from './schemas.ts';

const totpFields = { code: codeInput };
const recoveryFields = { recoveryCode: recoveryCodeInput };
const enrolFields = { enrollToken: enrollTokenInput, code: codeInput };

/** Authenticator apps and recovery codes as steps of a sign-in take them. */
export function createSecondFactors(deps: {
  apps: AuthenticatorApps;
  recoveryCodes: RecoveryCodeUseCases;
  clock: Clock;
}): [SecondFactor, ...SecondFactor[]] {
  const { apps, recoveryCodes, clock } = deps;

  const enrolment: FactorEnrolment<typeof enrolFields> = {
    fields: enrolFields,
    needs: ['enrollToken', 'code'],
    errors: ['factor_limit'],
    option: {
      about: 'make a secret for an authenticator app',
      answer: enrolmentSchema,
      prepare: async (_caller, user, { id }) => apps.begin(user, id),
    },
    async complete(caller, user, { enrollToken = '', code = '' }, flow) {
      const given = { enrollToken, code, boundTo: flow.id };
      const { recoveryCodes: made } = await apps.confirm(caller, user.id, given, (factors) => {
        // Another sign-in has added one since: now this one must prove it.
        if (!flow.isDueWith(factors)) throw authErrors.token_invalid();
      });
      return { proofs: [{ method: 'totp', at: clock() }], recoveryCodes: made };
    },
  };

  const totp: SecondFactor<typeof totpFields> = {
    name: 'totp',
    phishingResistant: false,
    fields: totpFields,
    needs: ['code'],
    errors: [],
    isHeld: (factors) => factors.totp.length > 0,
    async prove(_caller, user, factors, { code = '' }) {
      await apps.prove(user.id, factors.totp, code);
      return { method: 'totp', at: clock() };
    },
    enrolment,
  };

  const recoveryCode: SecondFactor<typeof recoveryFields> = {
    name: 'recovery_code',
    phishingResistant: false,
    standsIn: true,
    fields: recoveryFields,
    needs: ['recoveryCode'],
    errors: [],
    isHeld: (factors) => (factors.recovery?.hashes.length ?? 0) > 0,
    async prove(caller, user, _factors, { recoveryCode: typed = '' }) {
      await recoveryCodes.use(caller, user.id, typed);
      return { method: 'recovery_code', at: clock() };
    },
  };

  return [totp, recoveryCode];
}
