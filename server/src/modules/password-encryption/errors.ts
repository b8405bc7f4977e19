import { defineErrors } from '../../platform/errors.ts';

export const encryptionErrors = defineErrors({
  nonce_invalid: { status: 400, title: 'The nonce is wrong, used, or expired.' },
  encrypted_invalid: { status: 400, title: 'The encrypted value could not be decrypted.' },
});

/** The error codes of every route that takes a password. */
export const ENCRYPTED_CODES = Object.keys(encryptionErrors.table);
