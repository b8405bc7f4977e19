import { defineErrors } from '../../platform/errors.ts';

export const sessionErrors = defineErrors({
  refresh_invalid: { status: 401, title: 'This refresh token is not valid any more; sign in again.' },
  session_not_found: { status: 404, title: 'You have no such session.' },
});
