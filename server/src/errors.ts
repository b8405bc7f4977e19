import { accessErrors } from './modules/access/errors.ts';
import { apiKeyErrors } from './modules/api-keys/errors.ts';
import { authErrors, passwordErrors } from './modules/auth/errors.ts';
import { emailSignInErrors } from './modules/email-sign-in/errors.ts';
import { factorErrors } from './modules/factors/errors.ts';
import { fileErrors } from './modules/files/errors.ts';
import { guessingErrors } from './modules/guessing/errors.ts';
import { jobErrors } from './modules/jobs/errors.ts';
import { keyErrors } from './modules/keys/errors.ts';
import { mfaErrors } from './modules/mfa/errors.ts';
import { passkeyErrors } from './modules/passkeys/errors.ts';
import { encryptionErrors } from './modules/password-encryption/errors.ts';
import { scheduleErrors } from './modules/schedules/errors.ts';
import { sessionErrors } from './modules/sessions/errors.ts';
import { signInErrors } from './modules/sign-in/errors.ts';
import { userErrors } from './modules/users/errors.ts';
import { mergeErrors, platformErrors } from './platform/errors.ts';

/** Every code that a problem document can carry: the table of each module. Throws a TypeError if two define one code. */
export const errorTable = mergeErrors(
  platformErrors,
  authErrors,
  passwordErrors,
  sessionErrors,
  signInErrors,
  accessErrors,
  apiKeyErrors,
  guessingErrors,
  keyErrors,
  userErrors,
  jobErrors,
  scheduleErrors,
  factorErrors,
  fileErrors,
  encryptionErrors,
  mfaErrors,
  passkeyErrors,
  emailSignInErrors,
);
