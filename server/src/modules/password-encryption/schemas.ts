import { type TOptional, type TString, Type } from 'typebox';
import type { Choice } from '../../platform/http/choices.ts';

/** Longer than the policy allows, so that the policy refuses with its own error; the limit of the body applies in any case. */
export const passwordInput = Type.String({ minLength: 1, maxLength: 16_384, examples: ['a purple otter reads'] });

/** Fits a password of as many bytes, also with a longer header and key than ours. */
const encryptedInput = (name: string) =>
  Type.String({
    minLength: 1,
    maxLength: 24_576,
    description: `Instead of \`${name}\`: the same value as a compact JWE (RSA-OAEP-256, A256GCM), with \`kid\` and \`nonce\` from \`GET /auth/keys/public\`.`,
  });

/** The name of the encrypted field of a password: `newPassword` becomes `encryptedNewPassword`. */
export type EncryptedName<Name extends string> = `encrypted${Capitalize<Name>}`;

export function encryptedName<Name extends string>(name: Name): EncryptedName<Name> {
  return `encrypted${name.slice(0, 1).toUpperCase()}${name.slice(1)}` as EncryptedName<Name>;
}

/** Two fields for one password, plain or encrypted. `PasswordDecryptor` checks that exactly one is given. */
export function passwordFields<const Name extends string>(
  name: Name,
): Record<Name | EncryptedName<Name>, TOptional<TString>> {
  const fields = { [name]: Type.Optional(passwordInput), [encryptedName(name)]: Type.Optional(encryptedInput(name)) };
  return fields as Record<Name | EncryptedName<Name>, TOptional<TString>>;
}

/** For the OpenAPI document: exactly one of the two fields must be given. */
export function passwordChoice(name: string): Choice {
  const title = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
  return { title, variants: { [`Plain${title}`]: name, [`Encrypted${title}`]: encryptedName(name) } };
}

/** The public key to encrypt passwords with (RFC 7517), and a nonce. */
export const publicKeysSchema = Type.Object(
  {
    keys: Type.Array(
      Type.Object(
        {
          kty: Type.Literal('RSA'),
          n: Type.String(),
          e: Type.String(),
          kid: Type.String(),
          alg: Type.Literal('RSA-OAEP-256'),
          use: Type.Literal('enc'),
        },
        { title: 'PasswordKey' },
      ),
    ),
    nonce: Type.String({ description: 'For one request.' }),
    expiresIn: Type.Integer({ description: 'Seconds for which the nonce is valid.' }),
  },
  { title: 'PasswordKeys' },
);
