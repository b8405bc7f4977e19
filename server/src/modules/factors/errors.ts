import { defineErrors } from '../../platform/errors.ts';

export const factorErrors = defineErrors({
  factor_limit: {
    status: 409,
    title: 'You have as many of these as one account can have.',
    help: 'An account has at most 5 authenticator apps, 20 passkeys and 10 trusted devices. Remove one first.',
  },
  factor_not_found: {
    status: 404,
    title: 'You have no such factor.',
    help: 'It was removed. `GET /users/me/factors` lists yours.',
  },
  factor_missing: {
    status: 409,
    title: 'Recovery codes stand in for another factor, and you have none.',
    help: 'Add an authenticator app or a passkey first.',
  },
  last_factor: {
    status: 409,
    title: 'This is your last second factor, and your account must have one.',
    help: 'A role or a setting demands a second factor. Add another one first.',
  },
});
