import { defineErrors } from '../../platform/errors.ts';

export const userErrors = defineErrors({
  email_invalid: { status: 400, title: 'This is not an e-mail address that mail can be sent to.' },
  username_invalid: { status: 400, title: 'A username has 3 to 32 letters, digits, _, - or ., of one script.' },
  locale_invalid: { status: 400, title: 'This is not a language tag.' },
  email_taken: { status: 409, title: 'This e-mail address belongs to an account already.' },
  username_taken: { status: 409, title: 'This username is taken or reserved, or looks like one that is.' },
  status_conflict: { status: 409, title: 'The account is not in the state that this needs.' },
  superadmin_protected: { status: 409, title: 'A superadmin must hand over that role first.' },
  user_not_found: { status: 404, title: 'There is no such user.' },
});
