import { defineErrors } from '../../platform/errors.ts';

export const mfaErrors = defineErrors({
  no_second_factor: { status: 409, title: 'The account has no second factor.' },
  trusted_device_not_found: { status: 404, title: 'You trust no device with this id.' },
});
