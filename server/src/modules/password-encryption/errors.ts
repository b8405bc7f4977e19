import { defineErrors } from '../../platform/errors.ts';

export const encryptionErrors = defineErrors({
  nonce_invalid: { status: 400, title: 'This nonce is wrong, used, or expired.' },
  encrypted_invalid: { status: 400, title: 'What is encrypted could not be opened.' },
});

/** What every route that takes a password can answer with. */
export const ENCRYPTED_CODES = Object.keys(encryptionErrors.table);
