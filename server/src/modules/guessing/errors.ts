import { Type } from 'typebox';
import { defineErrors } from '../../platform/errors.ts';

export const guessingErrors = defineErrors({
  proof_required: {
    status: 403,
    title: 'The sign-in needs a proof of work.',
    members: {
      puzzle: Type.Object(
        {
          challenge: Type.String(),
          bits: Type.Integer({
            description:
              'So many zero bits begin the SHA-256 of `challenge`, `.` and the `solution` that is looked for.',
          }),
          expiresIn: Type.Integer({ description: 'Seconds.' }),
        },
        { title: 'Puzzle', examples: [{ challenge: 'k1.AZN3…', bits: 16, expiresIn: 300 }] },
      ),
    },
  },
});
