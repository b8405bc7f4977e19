import { type TProperties, Type } from 'typebox';
import { withChoices } from '../../platform/http/choices.ts';
import { passwordChoice, passwordFields, passwordInput } from '../password-encryption/schemas.ts';
import { tokenTransport } from '../sessions/schemas.ts';
import { codeInput, emailInput, fullNameInput, localeInput, phoneInput, usernameInput } from '../users/schemas.ts';

const idInput = Type.String({ minLength: 1, maxLength: 64 });
const tokenInput = Type.String({ minLength: 1, maxLength: 512 });
/** What a mail holds: the token of its link, or the code with the address that it was mailed to. */
const mailedProof = {
  token: Type.Optional(tokenInput),
  email: Type.Optional(emailInput),
  code: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'The code of the mail, with `email`, in place of `token`. Case and separators do not matter.',
      examples: ['7K2M-9XD4-RTAH-3WZ0'],
    }),
  ),
};
const LOGIN = { minLength: 1, maxLength: 320, examples: ['ada@example.org'] };
const loginInput = Type.String(LOGIN);
const closed = { additionalProperties: false } as const;
/** For clients without cookies: the `deviceToken` of an earlier answer. */
const deviceTokenInput = Type.String({ minLength: 1, maxLength: 512 });
/** The answer to `proof_required`: the SHA-256 of `challenge`, `.` and `solution` begins with the required number of zero bits. */
const proofInput = Type.Object(
  { challenge: Type.String({ minLength: 1, maxLength: 128 }), solution: Type.String({ minLength: 1, maxLength: 64 }) },
  { ...closed, title: 'ProofOfWork' },
);

/** The same as a header field, for clients that send a form: exactly the text that is hashed. */
export const proofHeader = Type.Object({
  'proof-of-work': Type.Optional(
    Type.String({
      pattern: '^[\\w-]{1,128}\\.[!-~]{1,64}$',
      description: '`challenge`, `.` and `solution`, after `proof_required`. A JSON body can contain `proof` instead.',
      examples: ['eyJ0Ijo1fQ.1842'],
    }),
  ),
});

export const registerBody = withChoices(
  Type.Object(
    {
      email: emailInput,
      ...passwordFields('password'),
      username: Type.Optional(usernameInput),
      fullName: Type.Optional(fullNameInput),
      phone: Type.Optional(phoneInput),
      locale: Type.Optional(localeInput),
      tokenTransport: Type.Optional(tokenTransport),
    },
    {
      ...closed,
      title: 'RegisterBody',
      examples: [{ email: 'ada@example.org', password: 'a purple otter reads', username: 'ada' }],
    },
  ),
  passwordChoice('password'),
);

export const registeredSchema = Type.Object(
  {
    status: Type.Literal('verification_required'),
    registrationId: Type.String(),
    expiresIn: Type.Integer({ description: 'Seconds.' }),
  },
  { title: 'VerificationRequired' },
);

export const verifyEmailBody = Type.Object(
  {
    registrationId: idInput,
    code: codeInput,
    username: Type.Optional(usernameInput),
    tokenTransport: Type.Optional(tokenTransport),
  },
  { ...closed, title: 'VerifyEmailBody' },
);

export const resendBody = Type.Object({ registrationId: idInput }, { ...closed, title: 'ResendVerificationBody' });
export const acceptedSchema = Type.Object({ status: Type.Literal('accepted') }, { title: 'Accepted' });

const loginChoice = {
  title: 'Login',
  variants: { LoginByName: 'login', LoginByEmail: 'email', LoginByUsername: 'username' },
};

export const loginBody = withChoices(
  Type.Object(
    {
      login: Type.Optional(Type.String({ ...LOGIN, description: 'An e-mail address or a username.' })),
      email: Type.Optional(loginInput),
      username: Type.Optional(Type.String({ ...LOGIN, examples: ['ada'] })),
      ...passwordFields('password'),
      tokenTransport: Type.Optional(tokenTransport),
      deviceToken: Type.Optional(deviceTokenInput),
      proof: Type.Optional(proofInput),
    },
    { ...closed, title: 'LoginBody', examples: [{ login: 'ada@example.org', password: 'a purple otter reads' }] },
  ),
  loginChoice,
  passwordChoice('password'),
);

/** The fields that OAuth2 clients send besides name and password (RFC 6749, 4.3.2); accepted and ignored. */
const oauthFields = {
  scope: Type.Optional(Type.String({ maxLength: 1000 })),
  client_id: Type.Optional(Type.String({ maxLength: 200 })),
  client_secret: Type.Optional(Type.String({ maxLength: 200 })),
};

export const loginForm = Type.Object(
  {
    grant_type: Type.Optional(Type.Literal('password')),
    username: loginInput,
    password: passwordInput,
    ...oauthFields,
  },
  { ...closed, title: 'LoginForm' },
);

export const tokenForm = Type.Object(
  { grant_type: Type.Literal('password'), username: loginInput, password: passwordInput, ...oauthFields },
  { ...closed, title: 'TokenForm' },
);

export const tokenSchema = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({ description: 'Seconds.' }),
  },
  { title: 'OAuthToken' },
);

const proofChoice = (of: string) => ({
  title: `${of}Proof`,
  variants: { [`${of}ByToken`]: 'token', [`${of}ByCode`]: 'code' },
});

export const acceptInvitationBody = withChoices(
  Type.Object(
    {
      ...mailedProof,
      ...passwordFields('password'),
      username: Type.Optional(usernameInput),
      fullName: Type.Optional(fullNameInput),
      tokenTransport: Type.Optional(tokenTransport),
    },
    { ...closed, title: 'AcceptInvitationBody' },
  ),
  proofChoice('Invitation'),
  passwordChoice('password'),
);

/** The password, fields of second factors, or both. */
export const reauthenticateBody = (secondFields: TProperties) =>
  Type.Object(
    {
      ...passwordFields('password'),
      ...Object.fromEntries(Object.entries(secondFields).map(([name, schema]) => [name, Type.Optional(schema)])),
    },
    {
      ...closed,
      minProperties: 1,
      title: 'ReauthenticateBody',
      examples: [{ password: 'a purple otter reads' }, { password: 'a purple otter reads', code: '314159' }],
    },
  );
export const requestResetBody = Type.Object(
  { email: emailInput, deviceToken: Type.Optional(deviceTokenInput) },
  { ...closed, title: 'RequestPasswordResetBody' },
);
export const resetBody = withChoices(
  Type.Object(
    { ...mailedProof, ...passwordFields('newPassword'), tokenTransport: Type.Optional(tokenTransport) },
    { ...closed, title: 'ResetPasswordBody' },
  ),
  proofChoice('Reset'),
  passwordChoice('newPassword'),
);
export const changePasswordBody = withChoices(
  Type.Object(
    {
      ...passwordFields('currentPassword'),
      ...passwordFields('newPassword'),
      tokenTransport: Type.Optional(tokenTransport),
    },
    { ...closed, title: 'ChangePasswordBody' },
  ),
  passwordChoice('currentPassword'),
  passwordChoice('newPassword'),
);
/** The answer with `tokenTransport: "body"`, instead of 204. */
export const deviceKnownSchema = Type.Object({ deviceToken: Type.String() }, { title: 'DeviceKnown' });
