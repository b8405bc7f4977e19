import { Type } from 'typebox';
import { defineErrors } from '../../platform/errors.ts';

export const emailSignInErrors = defineErrors({
  email_sign_in_off: {
    status: 403,
    title: 'Signing in by mail is not switched on at this server.',
    help: 'The operator switches it on with `EMAIL_SIGN_IN`. Sign in with your password; if you have none, ask for a password reset, whose mail sets one.',
  },
  link_elsewhere: {
    status: 403,
    title: 'This link works in the browser in which the sign-in began.',
    help: 'The link is right, and nothing was used up. Enter the code of the same mail where the sign-in began. `hint` has the address, masked. If `confirm` is true (`EMAIL_LINK_ELSEWHERE=confirm`), ask the person whether to sign in here as `hint` says, and then send the token again with `elsewhere: true`.',
    members: {
      confirm: Type.Boolean({ description: 'Whether `elsewhere: true` would sign in here.', examples: [false] }),
      hint: Type.Object(
        { email: Type.String({ description: 'As in `a…@example.com`.' }) },
        { title: 'LinkHint', examples: [{ email: 'a…@example.com' }] },
      ),
    },
  },
});
