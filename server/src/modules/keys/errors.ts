import { defineErrors } from '../../platform/errors.ts';

export const keyErrors = defineErrors({
  key_not_found: { status: 404, title: 'No key has this id.' },
});
