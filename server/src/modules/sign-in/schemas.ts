import { type Static, Type } from 'typebox';
import { passwordFields } from '../password-encryption/schemas.ts';
import { tokenTransport } from '../sessions/schemas.ts';
import { codeInput } from '../users/schemas.ts';
import { STEP_NAMES } from './decide.ts';
import type { FlowView } from './engine.ts';

const closed = { additionalProperties: false } as const;
const flowTokenInput = Type.String({ minLength: 1, maxLength: 1024 });

export const completeStepBody = Type.Object(
  {
    flowToken: flowTokenInput,
    ...passwordFields('newPassword'),
    code: Type.Optional(codeInput),
    tokenTransport: Type.Optional(tokenTransport),
  },
  { ...closed, title: 'CompleteStepBody' },
);

export const flowBody = Type.Object({ flowToken: flowTokenInput }, { ...closed, title: 'GetFlowBody' });
export const flowOptionsBody = Type.Object(
  { flowToken: flowTokenInput, method: Type.Enum(['email'], { description: '`email`: mail a code.' }) },
  { ...closed, title: 'MailFlowCodeBody' },
);

/** A waiting sign-in, for the page that shows it; also the members of `step_required`, with its `flowToken`. */
export const flowMembers = {
  step: Type.Enum(STEP_NAMES, {
    title: 'SignInStep',
    description: '`verify_email`: send `code`, which was mailed; `change_password`: send `newPassword`.',
    examples: ['verify_email'],
  }),
  methods: Type.Array(Type.String(), {
    description: 'Ways to complete the step; `email`: by a mailed code.',
    examples: [['email']],
  }),
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

/** A flow as `flowSchema` shows it. */
export function flowView({ step, methods, expiresIn, hint, resendAfter }: FlowView): Static<typeof flowSchema> {
  return { step, methods, expiresIn, ...(hint && { hint }), ...(resendAfter !== undefined && { resendAfter }) };
}
