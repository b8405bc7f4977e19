import { Type } from 'typebox';
import { defineErrors } from '../../platform/errors.ts';
import { flowMembers } from './schemas.ts';

export const signInErrors = defineErrors({
  step_required: {
    status: 403,
    title: 'The sign-in needs one more step.',
    members: {
      ...flowMembers,
      flowToken: Type.String({
        description: 'For `POST /api/v1/auth/complete-step`. It stands for the proofs that were given.',
        examples: ['k1.AZN3…'],
      }),
    },
  },
});
