import { type Static, Type } from 'typebox';
import { passwordFields } from '../password-encryption/schemas.ts';
import { tokenTransport } from '../sessions/schemas.ts';
import { codeInput } from '../users/schemas.ts';
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
  closed,
);

export const flowBody = Type.Object({ flowToken: flowTokenInput }, closed);
export const flowOptionsBody = Type.Object(
  { flowToken: flowTokenInput, method: Type.Enum(['email'], { description: 'What is wanted: `email` mails a code.' }) },
  closed,
);

/** What a page needs to show a sign-in that waits; also the members of `step_required`, beside its `flowToken`. */
export const flowSchema = Type.Object({
  step: Type.Enum(['verify_email', 'change_password']),
  methods: Type.Array(Type.String(), { description: 'Ways to do the step; `email`: by a mailed code.' }),
  expiresIn: Type.Integer({ description: 'Seconds.' }),
  hint: Type.Optional(Type.Object({ email: Type.String({ description: 'As in `a…@example.com`.' }) })),
  resendAfter: Type.Optional(Type.Integer({ description: 'Seconds until a code can be mailed again.' })),
});

/** A flow as `flowSchema` shows it. */
export function flowView({ step, methods, expiresIn, hint, resendAfter }: FlowView): Static<typeof flowSchema> {
  return { step, methods, expiresIn, ...(hint && { hint }), ...(resendAfter !== undefined && { resendAfter }) };
}
