import { Type } from 'typebox';
import { defineErrors } from '../../platform/errors.ts';

const signal = Type.Object(
  {
    rpId: Type.String({ examples: ['auth.example.com'] }),
    credentialId: Type.String({ examples: ['mXn9Zk0Vb1wJq7s2'] }),
  },
  {
    title: 'UnknownPasskeySignal',
    description: 'For `PublicKeyCredential.signalUnknownCredential`: nobody has this passkey, and it can be deleted.',
  },
);

export const passkeyErrors = defineErrors({
  passkey_invalid: {
    status: 401,
    title: 'The passkey was not accepted.',
    help: 'The challenge has expired or was used, the passkey was removed, or it is for another address than this server. Ask for a new challenge and try once more. With `signal`, call `PublicKeyCredential.signalUnknownCredential(signal)`, so that the browser stops offering it.',
    members: { signal: Type.Optional(signal) },
  },
  passkey_unverified: {
    status: 401,
    title: 'This passkey did not check who you are, so it cannot sign you in by itself.',
    help: 'Set up a PIN or fingerprint for it, or sign in with the password: after that it counts as a second factor.',
  },
  passkey_refused: {
    status: 400,
    title: 'The new passkey was not accepted.',
    help: 'The challenge has expired, or the passkey was made for another address than `PASSKEY_ORIGINS` and `PASSKEY_RP_ID` say, or by other options. Ask for new options and try once more.',
  },
  passkey_exists: {
    status: 409,
    title: 'This passkey was added already.',
    help: 'The options name the passkeys that you have (`excludeCredentials`): pass them to the browser as they are.',
  },
  passkey_not_found: {
    status: 404,
    title: 'There is no passkey with this id.',
    help: 'It was removed, or it belongs to another user.',
  },
});
