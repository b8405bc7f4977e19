import { isDeepStrictEqual } from 'node:util';
import { type Static, type TProperties, Type } from 'typebox';
import { tokenTransport } from '../sessions/schemas.ts';
import { emailInput } from '../users/schemas.ts';
import { STEP_NAMES, WHAT_STEPS_TAKE } from './decide.ts';
import type { FlowView } from './engine.ts';
import type { Step } from './step.ts';

const closed = { additionalProperties: false } as const;
const flowTokenInput = Type.String({ minLength: 1, maxLength: 1024 });

const completing = { flowToken: flowTokenInput, tokenTransport: Type.Optional(tokenTransport) };
export type CompleteStepBody = Static<ReturnType<typeof Type.Object<typeof completing>>> & Record<string, unknown>;

/** The body for every step: the fields of all, each optional. Throws a TypeError if two mean different things by one name. */
export function completeStepBody(steps: readonly Pick<Step, 'fields'>[]) {
  const fields: TProperties = {};
  for (const [name, schema] of steps.flatMap((step) => Object.entries(step.fields))) {
    const field = Type.Optional(schema);
    if (Object.hasOwn(completing, name) || !isDeepStrictEqual(fields[name] ?? field, field)) {
      throw new TypeError(`A step of a sign-in takes a field ${name}, which means something else already.`);
    }
    fields[name] = field;
  }
  return Type.Object({ ...completing, ...fields }, { ...closed, title: 'CompleteStepBody' });
}

export const discoverBody = Type.Object({ email: emailInput }, { ...closed, title: 'DiscoverSignInBody' });
export const discoverSchema = Type.Object(
  {
    methods: Type.Array(Type.String(), { description: 'The usual one first.', examples: [['password']] }),
    providers: Type.Array(Type.Object({ id: Type.String(), name: Type.String() }, { title: 'SignInProvider' }), {
      description: 'Where else people of this domain can sign in.',
    }),
  },
  { title: 'WaysToSignIn' },
);

export const flowBody = Type.Object({ flowToken: flowTokenInput }, { ...closed, title: 'GetFlowBody' });

/** A waiting sign-in, for the page that shows it; also the members of `step_required`, with its `flowToken`. */
export const flowMembers = {
  step: Type.Enum(STEP_NAMES, {
    title: 'SignInStep',
    description: `${WHAT_STEPS_TAKE}.`,
    examples: ['verify_email'],
  }),
  methods: Type.Array(Type.String(), {
    description: 'Ways to complete the step; `email`: by a mailed code, `totp`: by the code of an authenticator app.',
    examples: [['email']],
  }),
  later: Type.Optional(Type.Boolean({ description: 'The step can be put off, by `later: true`.', examples: [true] })),
  expiresIn: Type.Integer({ description: 'Seconds.', examples: [600] }),
  hint: Type.Optional(
    Type.Object(
      { email: Type.String({ description: 'As in `a…@example.com`.' }) },
      { title: 'SignInHint', examples: [{ email: 'a…@example.com' }] },
    ),
  ),
  resendAfter: Type.Optional(
    Type.Integer({ description: 'Seconds until the code can be mailed again.', examples: [60] }),
  ),
};
export const flowSchema = Type.Object(flowMembers, { title: 'SignInFlow' });

/** The body for the options of every step. */
export function flowOptionsBody(steps: readonly Pick<Step, 'options'>[]) {
  const options = new Map(steps.flatMap((step) => Object.entries(step.options ?? {})));
  const description = `${[...options].map(([method, { about }]) => `\`${method}\`: ${about}`).join('; ')}.`;
  const method = Type.Enum([...options.keys()], { description });
  return Type.Object({ flowToken: flowTokenInput, method }, { ...closed, title: 'MailFlowCodeBody' });
}

/** What the options of all steps answer: what they prepare, or the flow if it was mailed. */
export function flowOptionsAnswers(steps: readonly Pick<Step, 'options'>[]) {
  const answers = steps.flatMap(({ options = {} }) => Object.values(options).flatMap(({ answer }) => answer ?? []));
  const [only, ...others] = answers;
  const answer = others.length > 0 ? Type.Union(answers) : only;
  return { ...(answer && { 200: answer }), 202: flowSchema };
}

/** A flow as `flowSchema` shows it. */
export function flowView(view: FlowView): Static<typeof flowSchema> {
  const { step, methods, later, expiresIn, hint, resendAfter } = view;
  const mailed = { ...(hint && { hint }), ...(resendAfter !== undefined && { resendAfter }) };
  return { step, methods, ...(later && { later }), expiresIn, ...mailed };
}
