import { authErrors } from '../auth/errors.ts';
import { holdsPasskey } from '../factors/names.ts';
import { broughtOf, fieldsOf, type SecondFactor } from './second-factor.ts';
import type { Step, StepContext } from './step.ts';

/** The factors that the person holds, of those that are enough for the policy. */
function waysOf(all: readonly SecondFactor[], { factors, policy }: StepContext): SecondFactor[] {
  const held = all.filter((factor) => factor.isHeld(factors));
  const demandsKey = policy.mfa === 'phishing_resistant' && holdsPasskey(factors);
  return demandsKey ? held.filter((factor) => factor.phishingResistant || factor.standsIn) : held;
}

/** The step that proves a second factor. Which fields a request brings decides which one. */
export function createMfa(secondFactors: readonly [SecondFactor, ...SecondFactor[]]): Step {
  const [first, ...others] = secondFactors;
  const options = secondFactors.flatMap(({ name, option }) => (option ? [[name, option] as const] : []));

  return {
    fields: fieldsOf(secondFactors),
    needs: [first.needs, ...others.map(({ needs }) => needs)],
    errors: ['code_invalid', ...secondFactors.flatMap(({ errors }) => errors)],
    view: (_user, context) => ({ methods: waysOf(secondFactors, context).map(({ name }) => name) }),
    options: Object.fromEntries(options),

    async complete(caller, user, input, flow) {
      const factor = broughtOf(secondFactors, input);
      // As if it were wrong: only `methods` says what somebody holds.
      if (!factor?.isHeld(flow.factors)) throw authErrors.code_invalid();
      return { proofs: [await factor.prove(caller, user, flow.factors, input, flow)] };
    },
  };
}
