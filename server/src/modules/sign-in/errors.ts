import { defineErrors } from '../../platform/errors.ts';

export const signInErrors = defineErrors({
  step_required: { status: 403, title: 'The sign-in needs one more step.' },
});
