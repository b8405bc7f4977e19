import { Type } from 'typebox';
import { nullable, timestamp } from '../../platform/http/schemas.ts';
import type { UserRecord } from './user-store.ts';

/** Longer than any valid address; `toEmail` refuses what is not one. */
export const emailInput = Type.String({ minLength: 1, maxLength: 320, examples: ['ada@example.org'] });
export const usernameInput = Type.String({ minLength: 1, maxLength: 64, examples: ['ada'] });
/**
 * Any script, but no control characters, no line breaks, which could add lines to the header of a mail, and no direction overrides, which
 * also reverse the text beside them.
 */
const ONE_LINE = '^[^\\p{Cc}\\u2028-\\u202e\\u2066-\\u2069]*$';
/** A person's name. */
export const fullNameInput = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: ONE_LINE,
  examples: ['Ada Lovelace'],
});
/** E.164. */
export const phoneInput = Type.String({ pattern: '^\\+[1-9][0-9]{6,14}$', examples: ['+442071234567'] });
/** BCP 47, checked further by `toLocale`. */
export const localeInput = Type.String({
  minLength: 2,
  maxLength: 35,
  pattern: '^[A-Za-z0-9-]+$',
  examples: ['en-GB'],
});

const profile = Type.Object(
  {
    // Line breaks and tabs, but no other control characters.
    bio: Type.Optional(Type.String({ maxLength: 1000, pattern: '^(?:[^\\p{Cc}]|[\\n\\r\\t])*$' })),
    website: Type.Optional(
      Type.String({ maxLength: 200, pattern: '^https?://[^\\s\\p{Cc}<>"]+$', examples: ['https://ada.example.org'] }),
    ),
    location: Type.Optional(Type.String({ maxLength: 100, pattern: ONE_LINE })),
  },
  { additionalProperties: false, title: 'ProfileInput' },
);

export const patchMeBody = Type.Object(
  {
    fullName: Type.Optional(nullable(fullNameInput)),
    username: Type.Optional(nullable(usernameInput)),
    phone: Type.Optional(nullable(phoneInput)),
    locale: Type.Optional(nullable(localeInput)),
    profile: Type.Optional(profile),
    profilePublic: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false, minProperties: 1, title: 'UpdateMeBody' },
);

export const newEmailBody = Type.Object(
  { newEmail: emailInput },
  { additionalProperties: false, title: 'RequestEmailChangeBody' },
);
export const codeInput = Type.String({ pattern: '^[0-9]{6}$', examples: ['314159'] });
export const codeBody = Type.Object(
  { code: codeInput },
  { additionalProperties: false, title: 'ConfirmEmailChangeBody' },
);

/** A user as that user and administrators see it. */
export const userSchema = Type.Object(
  {
    id: Type.String(),
    email: nullable(Type.String()),
    emailVerified: Type.Boolean(),
    username: nullable(Type.String()),
    fullName: nullable(Type.String()),
    phone: nullable(Type.String()),
    locale: nullable(Type.String()),
    profile: Type.Object(
      {
        bio: Type.Optional(Type.String()),
        website: Type.Optional(Type.String()),
        location: Type.Optional(Type.String()),
      },
      { title: 'Profile' },
    ),
    profilePublic: Type.Boolean(),
    avatarUrl: nullable(Type.String()),
    status: Type.Enum(['active', 'disabled', 'deleted'], { title: 'UserStatus' }),
    roles: Type.Array(Type.String()),
    lastLoginAt: nullable(timestamp()),
    createdAt: timestamp(),
    updatedAt: timestamp(),
    version: Type.Integer(),
  },
  { title: 'User' },
);

/** A user as everybody sees it, if the profile is public. */
export const publicProfileSchema = Type.Object(
  {
    username: Type.String(),
    fullName: nullable(Type.String()),
    avatarUrl: nullable(Type.String()),
    profile: userSchema.properties.profile,
    createdAt: timestamp(),
  },
  { title: 'PublicProfile' },
);

export const acceptedSchema = Type.Object(
  {
    status: Type.Literal('verification_required'),
    expiresIn: Type.Integer({ description: 'Seconds.' }),
  },
  { title: 'EmailChangeRequested' },
);

/** A record and its role codes as `userSchema` shows them. */
export function userView(user: UserRecord, roles: string[]) {
  const { profile, profilePublic, lastLoginAt, createdAt, updatedAt, version } = user;
  const times = { lastLoginAt, createdAt, updatedAt };
  const status = user.status === 'erased' ? 'deleted' : user.status;
  const { id, email, emailVerified, username, fullName, phone, locale } = user;
  const identity = { id, email, emailVerified, username, fullName, phone, locale };
  return { ...identity, profile, profilePublic, avatarUrl: null, status, roles, ...times, version };
}
