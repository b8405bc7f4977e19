import { defineErrors } from '../../platform/errors.ts';

export const sessionErrors = defineErrors({
  refresh_invalid: { status: 401, title: 'The refresh token is not valid; sign in again.' },
  session_not_found: { status: 404, title: 'You have no session with this id.' },
});
