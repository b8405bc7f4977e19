import { Type } from 'typebox';
import { defineErrors } from '../../platform/errors.ts';
import { encryptedName } from '../password-encryption/schemas.ts';

/** What bodies call a password that is to be set, plain and encrypted; `currentPassword` is none. */
const NEW_PASSWORDS = (['newPassword', 'temporaryPassword', 'password'] as const).flatMap((name) => [
  name,
  encryptedName(name),
]);

export const authErrors = defineErrors({
  invalid_credentials: { status: 401, title: 'The name or the password is wrong.' },
  code_invalid: { status: 400, fields: ['code'], title: 'This code is wrong, used, or expired.' },
  token_invalid: { status: 400, title: 'This token is wrong, used, or expired.' },
  registration_closed: { status: 403, title: 'Registration is not open on this server.' },
  password_unchanged: {
    status: 400,
    fields: NEW_PASSWORDS,
    title: 'The new password must differ from the current one.',
  },
});

/** Why a new password is refused (NIST SP 800-63B, 3.1.1.2: length and blocklists, no composition rules). */
export const passwordErrors = defineErrors({
  password_too_short: {
    status: 400,
    fields: NEW_PASSWORDS,
    title: 'The password is too short.',
    members: { minLength: Type.Integer({ description: 'Characters.', examples: [8] }) },
  },
  password_too_long: {
    status: 400,
    fields: NEW_PASSWORDS,
    title: 'The password is too long.',
    members: { maxLength: Type.Integer({ description: 'Characters.', examples: [1024] }) },
  },
  password_common: {
    status: 400,
    fields: NEW_PASSWORDS,
    title: 'The password is too easy to guess: it is common, was leaked, or repeats itself.',
  },
  password_context: {
    status: 400,
    fields: NEW_PASSWORDS,
    title: 'The password is made of your own data or of the name of this service.',
  },
});

/** The error codes of every route that sets a password. */
export const PASSWORD_CODES = Object.keys(passwordErrors.table);
