import { defineErrors } from '../../platform/errors.ts';

export const mfaErrors = defineErrors({
  no_second_factor: { status: 409, title: 'The account has no second factor.', help: 'There is nothing to reset.' },
  trusted_device_not_found: {
    status: 404,
    title: 'You trust no device with this id.',
    help: 'Its time is over, or a change of your password or factors has ended it. `GET /users/me/factors` lists those that you trust.',
  },
});
