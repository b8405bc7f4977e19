import { type Static, Type } from 'typebox';
import { describeDevice } from '../../platform/http/device.ts';
import { nullable, timestamp } from '../../platform/http/schemas.ts';
import { codeInput } from '../users/schemas.ts';
import type { PasskeyRecord, TotpRecord } from './factor-store.ts';
import type { Factors } from './names.ts';

const closed = { additionalProperties: false } as const;
const list = <T extends Parameters<typeof Type.Array>[0]>(items: T, most: number) =>
  Type.Array(items, { maxItems: most });

export const enrollTokenInput = Type.String({ minLength: 1, maxLength: 2048 });
export const recoveryCodeInput = Type.String({
  maxLength: 64,
  description: 'Case and separators do not matter.',
  examples: ['7K2M-9XD4-RTAH-3WZ0'],
});
const nameInput = Type.String({ minLength: 1, maxLength: 64, examples: ['Phone'] });

/** What a person puts into an authenticator app. */
export const enrolmentSchema = Type.Object(
  {
    enrollToken: Type.String({ description: 'Valid for ten minutes, in this session or sign-in.' }),
    secret: Type.String({ description: 'Base 32, to type.' }),
    uri: Type.String({ description: '`otpauth:`, for a QR code.' }),
  },
  { title: 'TotpEnrolment' },
);

export const beginTotpBody = Type.Object({ name: Type.Optional(nameInput) }, { ...closed, title: 'BeginTotpBody' });
export const confirmTotpBody = Type.Object(
  { enrollToken: enrollTokenInput, code: codeInput },
  { ...closed, title: 'ConfirmTotpBody' },
);
export const factorParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) }, closed);

const factorFields = {
  id: Type.String(),
  name: Type.String(),
  createdAt: timestamp(),
  lastUsedAt: nullable(timestamp()),
};
const factorSchema = Type.Object(factorFields, { title: 'Factor' });
const recoveryCodesList = Type.Array(Type.String(), { examples: [['7K2M-9XD4-RTAH-3WZ0']] });

export const confirmedTotpSchema = Type.Object(
  {
    factor: factorSchema,
    recoveryCodes: Type.Optional(recoveryCodesList),
  },
  { title: 'AddedTotp' },
);
export const recoveryCodesSchema = Type.Object({ codes: recoveryCodesList }, { title: 'RecoveryCodes' });

export const factorsSchema = Type.Object(
  {
    totp: list(factorSchema, 5),
    passkeys: list(factorSchema, 20),
    recoveryCodes: nullable(
      Type.Object({ left: Type.Integer(), createdAt: timestamp() }, { title: 'RecoveryCodesLeft' }),
    ),
    trustedDevices: list(
      Type.Object(
        {
          id: Type.String(),
          device: Type.String({ examples: ['Firefox on Linux'] }),
          country: nullable(Type.String({ description: 'ISO 3166-1 alpha-2.' })),
          createdAt: timestamp(),
          until: timestamp(),
        },
        { title: 'TrustedDevice' },
      ),
      10,
    ),
    requiredBy: Type.Array(Type.String(), {
      description: 'What demands a second factor of you.',
      examples: [['role:admin']],
    }),
    resetAt: nullable(timestamp()),
  },
  { title: 'Factors' },
);

export function factorView({
  id,
  name,
  createdAt,
  lastUsedAt,
}: TotpRecord | PasskeyRecord): Static<typeof factorSchema> {
  return { id, name, createdAt, lastUsedAt };
}

/** What a user has, without secrets. `requiredBy`: what demands a second factor of them. */
export function factorsView(factors: Factors, requiredBy: readonly string[]): Static<typeof factorsSchema> {
  const { totp, passkeys, recovery, trusted, resetAt } = factors;
  return {
    totp: totp.map(factorView),
    passkeys: passkeys.map(factorView),
    recoveryCodes: recovery && { left: recovery.hashes.length, createdAt: recovery.createdAt },
    trustedDevices: trusted.map(({ id, device, country, createdAt, until }) => {
      return { id, device: describeDevice(device), country, createdAt, until };
    }),
    requiredBy: [...requiredBy],
    resetAt,
  };
}
