import { type Static, Type } from 'typebox';
import { nullable, timestamp } from '../../platform/http/schemas.ts';
import type { PasskeyRecord } from '../factors/factor-store.ts';
import { tokenTransport } from '../sessions/schemas.ts';
import { accountNames } from './options.ts';
import type { Passkeys } from './own-passkeys.ts';
import { providerOf } from './providers.ts';

const closed = { additionalProperties: false } as const;

export const challengeTokenInput = Type.String({ minLength: 1, maxLength: 256 });
/** Open, because browsers add members as they learn; `responses.ts` reads what is known. */
export const responseInput = Type.Unsafe<unknown>({
  title: 'PasskeyResponse',
  description: 'What `credential.toJSON()` answers in the browser, or `@simplewebauthn/browser`.',
});
const nameInput = Type.String({ maxLength: 64, examples: ['My phone'] });

/** A challenge, with the options for the browser. */
export const passkeyChallengeSchema = Type.Object(
  {
    challengeToken: Type.String({ description: 'Valid for five minutes; goes with the `response`.' }),
    options: Type.Unsafe<object>({
      type: 'object',
      additionalProperties: true,
      description:
        'For `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`, or for `@simplewebauthn/browser`.',
      examples: [{ challenge: '0hIM…', rpId: 'auth.example.com', userVerification: 'required' }],
    }),
  },
  { title: 'PasskeyChallenge' },
);

export const passkeySignInBody = Type.Object(
  { challengeToken: challengeTokenInput, response: responseInput, tokenTransport: Type.Optional(tokenTransport) },
  { ...closed, title: 'PasskeySignInBody' },
);

export const newPasskeyOptionsBody = Type.Object(
  {
    conditional: Type.Optional(
      Type.Boolean({ description: 'The browser adds it silently; within five minutes of a sign-in by password.' }),
    ),
    kind: Type.Optional(Type.Enum(['any', 'device', 'security_key'], { default: 'any' })),
  },
  { ...closed, title: 'NewPasskeyOptionsBody' },
);

export const addPasskeyBody = Type.Object(
  { challengeToken: challengeTokenInput, response: responseInput, name: Type.Optional(nameInput) },
  { ...closed, title: 'AddPasskeyBody' },
);
export const renamePasskeyBody = Type.Object(
  { name: Type.Optional(nameInput) },
  { ...closed, title: 'RenamePasskeyBody' },
);
export const passkeyParams = Type.Object({ id: Type.String({ maxLength: 100 }) }, closed);
export const userPasskeyParams = Type.Object(
  { id: Type.String({ maxLength: 100 }), passkeyId: Type.String({ maxLength: 100 }) },
  closed,
);

const passkeySchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String({ examples: ['Apple Passwords'] }),
    provider: nullable(Type.String({ description: 'Where it is kept, as it says itself.' })),
    syncable: Type.Boolean({ description: 'Whether it can be on several devices.' }),
    backedUp: Type.Boolean(),
    transports: Type.Array(Type.String(), { examples: [['hybrid', 'internal']] }),
    createdAt: timestamp(),
    lastUsedAt: nullable(timestamp()),
    lastDevice: nullable(Type.String({ examples: ['Chrome on macOS'] })),
  },
  { title: 'Passkey' },
);

const signalSchema = Type.Object(
  {
    rpId: Type.String(),
    userId: Type.String(),
    allAcceptedCredentialIds: Type.Array(Type.String()),
    name: Type.String(),
    displayName: Type.String(),
  },
  {
    title: 'PasskeySignal',
    description:
      'For `PublicKeyCredential.signalAllAcceptedCredentials` and `signalCurrentUserDetails`: the browser then forgets what was removed.',
  },
);
const signal = nullable(signalSchema);

export const passkeyListSchema = Type.Object({ items: Type.Array(passkeySchema), signal }, { title: 'PasskeyList' });
export const userPasskeyListSchema = Type.Object({ items: Type.Array(passkeySchema) }, { title: 'UserPasskeyList' });
export const addedPasskeySchema = Type.Object(
  {
    passkey: passkeySchema,
    signal,
    recoveryCodes: Type.Optional(
      Type.Array(Type.String(), {
        description: 'With your first factor; shown only now.',
        examples: [['7K2M-9XD4-RTAH-3WZ0']],
      }),
    ),
  },
  { title: 'AddedPasskey' },
);
export const passkeySignalSchema = Type.Object({ signal }, { title: 'PasskeySignalAnswer' });

export function passkeyView(passkey: PasskeyRecord): Static<typeof passkeySchema> {
  const { id, name, aaguid, deviceType, backedUp, transports, createdAt, lastUsedAt, lastDevice } = passkey;
  const kept = { provider: providerOf(aaguid), syncable: deviceType === 'multiDevice', backedUp, transports };
  return { id, name, ...kept, createdAt, lastUsedAt, lastDevice };
}

/** What browsers are told; null for a user who never had a passkey. */
export function signalView(rpId: string, { user, handle, passkeys }: Passkeys): Static<typeof signal> {
  if (handle === null) return null;
  const allAcceptedCredentialIds = passkeys.filter((one) => one.rpId === rpId).map((one) => one.credentialId);
  return { rpId, userId: handle, allAcceptedCredentialIds, ...accountNames(user) };
}
