import { type Static, type TSchema, Type } from 'typebox';
import { nullable, timestamp } from '../../platform/http/schemas.ts';
import { avatarAddress } from './names.ts';
import type { ProfileInput } from './own-account.ts';
import type { ProfileFields, UserRecord } from './user-store.ts';

/** Longer than any valid address; `toEmail` refuses what is not one. */
export const emailInput = Type.String({ minLength: 1, maxLength: 320, examples: ['ada@example.org'] });
export const usernameInput = Type.String({ minLength: 1, maxLength: 64, examples: ['ada'] });
/** A person's name; `toPerson` trims it. */
export const fullNameInput = Type.String({ maxLength: 100, format: 'line', examples: ['Ada Lovelace'] });
/** E.164, with separators or without; `toPerson` removes them. */
export const phoneInput = Type.String({ maxLength: 64, format: 'phone', examples: ['+442071234567'] });
/** BCP 47, or as systems and browsers write it; see `toLocale`. */
export const localeInput = Type.String({ maxLength: 200, examples: ['en-GB'] });

const profile = Type.Object(
  {
    bio: Type.Optional(Type.String({ maxLength: 1000, format: 'paragraph' })),
    website: Type.Optional(
      Type.String({ maxLength: 200, format: 'web-address', examples: ['https://ada.example.org'] }),
    ),
    location: Type.Optional(Type.String({ maxLength: 100, format: 'line' })),
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
  } satisfies Record<keyof ProfileInput, TSchema>,
  { additionalProperties: false, minProperties: 1, title: 'UpdateMeBody' },
);

export const newEmailBody = Type.Object(
  { newEmail: emailInput },
  { additionalProperties: false, title: 'RequestEmailChangeBody' },
);
/** A mailed code as people type and paste it; see `toCode`. */
export const codeInput = Type.String({ maxLength: 64, examples: ['314159'] });
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
  } satisfies Record<Exclude<keyof ProfileFields, 'usernameKey'>, TSchema> & Record<string, TSchema>,
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

/** A record and its role codes as `userSchema` shows them. `publicUrl`: the address of this server. */
export function userView(user: UserRecord, roles: string[], publicUrl: string): Static<typeof userSchema> {
  const { profile, profilePublic, lastLoginAt, createdAt, updatedAt, version } = user;
  const times = { lastLoginAt, createdAt, updatedAt };
  const status = user.status === 'erased' ? 'deleted' : user.status;
  const { id, email, emailVerified, username, fullName, phone, locale } = user;
  const identity = { id, email, emailVerified, username, fullName, phone, locale };
  const avatarUrl = avatarAddress(user, publicUrl);
  return { ...identity, profile, profilePublic, avatarUrl, status, roles, ...times, version };
}
