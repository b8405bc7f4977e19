import type { Clock } from '../../platform/clock.ts';
import { authErrors } from '../auth/errors.ts';
import type { FactorEnrolment, SecondFactor } from '../sign-in/second-factor.ts';
import type { AddPasskey } from './add-passkey.ts';
import type { ProvePasskey } from './prove-passkey.ts';
import { challengeTokenInput, passkeyChallengeSchema, responseInput } from './schemas.ts';

const fields = { challengeToken: challengeTokenInput, response: responseInput };
/** Both steps that have this method say so. */
const ABOUT = 'make options for a passkey, which is one of yours, or a new one';
const needs = ['challengeToken', 'response'] as const;

/** Passkeys as steps of a sign-in take them, and as a proof within a session. */
export function createPasskeyFactor(deps: {
  addPasskey: AddPasskey;
  provePasskey: ProvePasskey;
  clock: Clock;
}): SecondFactor<typeof fields> {
  const { addPasskey, provePasskey, clock } = deps;

  const enrolment: FactorEnrolment<typeof fields> = {
    fields,
    needs,
    errors: ['passkey_refused', 'passkey_exists', 'factor_limit'],
    option: {
      about: ABOUT,
      answer: passkeyChallengeSchema,
      prepare: (_caller, user, { id }) => addPasskey.begin(user, id),
    },
    async complete(caller, user, { challengeToken = '', response }, flow) {
      const given = { challengeToken, response, boundTo: flow.id };
      const { userVerified, recoveryCodes } = await addPasskey.add(caller, user, given, (factors) => {
        // Another sign-in has added one since: now this one must prove it.
        if (!flow.isDueWith(factors)) throw authErrors.token_invalid();
      });
      const method = userVerified ? 'passkey' : 'passkey_presence';
      return { proofs: [{ method, at: clock() }], recoveryCodes };
    },
  };

  return {
    name: 'passkey',
    phishingResistant: true,
    isBoth: true,
    fields,
    needs,
    errors: ['passkey_invalid'],
    option: {
      about: ABOUT,
      answer: passkeyChallengeSchema,
      prepare: (_caller, user, { id }) => provePasskey.begin(user, id),
    },
    isHeld: ({ passkeys }) => passkeys.length > 0,
    prove: (caller, user, _factors, { challengeToken = '', response }, { id: boundTo }) =>
      provePasskey.prove(caller, user, { challengeToken, response, boundTo }),
    enrolment,
  };
}
