import { Type } from 'typebox';
import { authErrors } from '../auth/errors.ts';
import { mayWait } from './decide.ts';
import { broughtOf, type FactorEnrolment, fieldsOf, type SecondFactor } from './second-factor.ts';
import type { Step, StepContext } from './step.ts';

const later = Type.Literal(true, {
  description: 'Only where `step_required` has `later`: puts the enrolment off until the next sign-in.',
});

type Enrollable = SecondFactor & { enrolment: FactorEnrolment };

/** The step that adds a second factor to an account which must have one and has none. */
export function createEnrollMfa(secondFactors: readonly SecondFactor[]): Step {
  const enrollable = secondFactors.filter((factor): factor is Enrollable => factor.enrolment !== undefined);
  const enrolments = enrollable.map(({ enrolment }) => enrolment);
  const enough = ({ policy }: StepContext) =>
    enrollable.filter((factor) => policy.mfa !== 'phishing_resistant' || factor.phishingResistant);

  return {
    fields: { ...fieldsOf(enrolments), later },
    needs: [['later'], ...enrolments.map(({ needs }) => needs)],
    errors: ['code_invalid', 'token_invalid', ...enrolments.flatMap(({ errors }) => errors)],

    view: (_user, context) => ({
      methods: enough(context).map(({ name }) => name),
      ...(mayWait(context) && { later: true }),
    }),

    options: Object.fromEntries(enrollable.map(({ name, enrolment }) => [name, enrolment.option])),

    async complete(caller, user, input, flow) {
      if (input.later === true) {
        if (!mayWait(flow)) throw authErrors.token_invalid();
        return { proofs: [], later: true };
      }
      const enrolment = broughtOf(
        enough(flow).map((factor) => factor.enrolment),
        input,
      );
      if (!enrolment) throw authErrors.token_invalid();
      return enrolment.complete(caller, user, input, flow);
    },
  };
}
