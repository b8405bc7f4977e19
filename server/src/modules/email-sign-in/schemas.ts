import { Type } from 'typebox';
import { withChoices } from '../../platform/http/choices.ts';
import { signedInSchema, tokenTransport } from '../sessions/schemas.ts';
import { emailInput, localeInput } from '../users/schemas.ts';

const closed = { additionalProperties: false } as const;
const tokenInput = Type.String({ minLength: 1, maxLength: 512 });
const flowToken = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 512, description }));
const deviceToken = Type.Optional(tokenInput);

export const emailCodeBody = Type.Object(
  {
    email: emailInput,
    returnTo: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2000,
        description:
          'Where the page of the link goes on to: of this server, `PAGES_URL` or an origin in `CORS_ORIGINS`.',
        examples: ['https://app.example.com/inbox'],
      }),
    ),
    locale: Type.Optional(localeInput),
    flowToken: flowToken('Of an earlier answer: mails the same code again. By default that of the cookie.'),
    deviceToken,
  },
  { ...closed, title: 'EmailCodeBody' },
);

export const emailFlowSchema = Type.Object(
  {
    flowToken: Type.String({ description: 'For `verify`; the mail works only with it.' }),
    expiresIn: Type.Integer({ description: 'Seconds.', examples: [600] }),
  },
  { title: 'EmailFlow' },
);

export const verifyEmailCodeBody = withChoices(
  Type.Object(
    {
      flowToken: flowToken('By default that of the cookie.'),
      code: Type.Optional(
        Type.String({ maxLength: 64, description: 'The eight digits of the mail.', examples: ['27182818'] }),
      ),
      token: Type.Optional(tokenInput),
      elsewhere: Type.Optional(
        Type.Boolean({ description: 'With `token`, after `link_elsewhere`: sign in here without the flow token.' }),
      ),
      tokenTransport: Type.Optional(tokenTransport),
      deviceToken,
    },
    { ...closed, title: 'VerifyEmailCodeBody' },
  ),
  { title: 'EmailSignInProof', variants: { EmailSignInByCode: 'code', EmailSignInByLink: 'token' } },
);

export const signedInByMailSchema = Type.Object(
  {
    ...signedInSchema.properties,
    returnTo: Type.Optional(Type.String({ description: 'As it was asked for.' })),
  },
  { title: 'SignedInByMail' },
);
