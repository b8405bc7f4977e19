import { open } from '../../../test/matrix/rules.ts';

/** The status that anybody gets for the body `{}`. */
export const rules = {
  'GET:/email-sign-in': open(200),
  'POST:/api/v1/auth/email-code': open(400),
  'POST:/api/v1/auth/email-code/verify': open(400),
};
