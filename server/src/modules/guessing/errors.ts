import { Type } from 'typebox';
import { defineErrors } from '../../platform/errors.ts';

export const guessingErrors = defineErrors({
  proof_required: {
    status: 403,
    title: 'This sign-in requires a proof of work.',
    members: {
      puzzle: Type.Object(
        {
          challenge: Type.String(),
          bits: Type.Integer({
            description:
              'Find a `solution` for which the SHA-256 of `challenge`, `.` and `solution` begins with so many zero bits.',
          }),
          expiresIn: Type.Integer({ description: 'Seconds.' }),
        },
        { title: 'Puzzle', examples: [{ challenge: 'k1.AZN3…', bits: 16, expiresIn: 300 }] },
      ),
    },
  },
});
