import { defineErrors } from '../../platform/errors.ts';

export const guessingErrors = defineErrors({
  proof_required: { status: 403, title: 'The sign-in needs a proof of work.' },
});
