import { defineErrors } from '../../platform/errors.ts';

/** What bodies call an address that is to be that of an account. */
const EMAILS = ['newEmail', 'email'] as const;

export const userErrors = defineErrors({
  email_invalid: { status: 400, fields: EMAILS, title: 'This is not an e-mail address that mail can be sent to.' },
  username_invalid: {
    status: 400,
    fields: ['username'],
    title:
      'A username must have 3 to 32 letters, digits, _, - or ., in one script, with a letter or digit at both ends; 2 are enough in Chinese, Japanese and Korean.',
  },
  locale_invalid: { status: 400, fields: ['locale'], title: 'This is not a valid language tag.' },
  email_taken: { status: 409, fields: EMAILS, title: 'An account already has this e-mail address.' },
  username_taken: {
    status: 409,
    fields: ['username'],
    title: 'This username is taken or reserved, or looks like one that is.',
  },
  status_conflict: { status: 409, title: 'The status of this account does not allow this.' },
  superadmin_protected: { status: 409, title: 'A superadmin must give up that role first.' },
  user_not_found: { status: 404, title: 'No user has this id or username.' },
});
