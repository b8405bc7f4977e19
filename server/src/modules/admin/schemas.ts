import { type Static, type TSchema, Type } from 'typebox';
import { withChoices } from '../../platform/http/choices.ts';
import { listQuery } from '../../platform/http/paging.ts';
import { idsInput } from '../../platform/http/results.ts';
import { nullable, timeInput, timestamp } from '../../platform/http/schemas.ts';
import { passwordChoice, passwordFields } from '../password-encryption/schemas.ts';
import {
  emailInput,
  fullNameInput,
  localeInput,
  patchMeBody,
  phoneInput,
  usernameInput,
  userSchema,
  userView,
} from '../users/schemas.ts';
import type { UserRecord } from '../users/user-store.ts';
import { waitingMove } from './email-moves.ts';
import type { NewUser, UserPatch } from './user-admin.ts';

const closed = { additionalProperties: false } as const;

export const userParams = Type.Object({ id: Type.String({ maxLength: 100 }) }, closed);
export const userSessionParams = Type.Object(
  { id: Type.String({ maxLength: 100 }), sessionId: Type.String({ maxLength: 100 }) },
  closed,
);

const roleNames = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
  maxItems: 100,
  uniqueItems: true,
  description: 'Codes or ids of roles.',
  examples: [['user', 'model_manager']],
});

export const createUserBody = Type.Object(
  {
    email: emailInput,
    username: Type.Optional(usernameInput),
    fullName: Type.Optional(fullNameInput),
    phone: Type.Optional(phoneInput),
    locale: Type.Optional(localeInput),
    roles: Type.Optional(roleNames),
    ...passwordFields('temporaryPassword'),
    emailVerified: Type.Optional(Type.Boolean({ description: 'Default false.' })),
  } satisfies Record<keyof NewUser, TSchema>,
  {
    ...closed,
    title: 'CreateUserBody',
    examples: [
      { email: 'ada@example.org', username: 'ada', fullName: 'Ada Lovelace', roles: ['user', 'model_manager'] },
    ],
  },
);

export const patchUserBody = Type.Object(
  {
    ...patchMeBody.properties,
    email: Type.Optional(emailInput),
    emailVerified: Type.Optional(Type.Boolean({ description: 'Default false if the address changes.' })),
  } satisfies Record<keyof UserPatch, TSchema>,
  { ...closed, minProperties: 1, title: 'UpdateUserBody' },
);

export const setRolesBody = Type.Object({ roles: roleNames }, { ...closed, title: 'SetUserRolesBody' });
export const temporaryPasswordBody = withChoices(
  Type.Object(passwordFields('temporaryPassword'), { ...closed, title: 'SetTemporaryPasswordBody' }),
  passwordChoice('temporaryPassword'),
);

/** The actions that one request can apply to several users. */
export const bulkAction = Type.Enum(['activate', 'deactivate', 'unlock', 'password-reset', 'delete', 'restore'], {
  title: 'UserAction',
});
export const bulkBody = Type.Object({ action: bulkAction, ids: idsInput }, { ...closed, title: 'ChangeUsersBody' });

export const SORTS = [
  ...['createdAt', '-createdAt', 'email', '-email'],
  ...['username', '-username', 'lastLoginAt', '-lastLoginAt'],
] as const;

export const usersQuery = Type.Object(
  {
    ...listQuery,
    q: Type.Optional(
      Type.String({
        maxLength: 200,
        description:
          'Words. Each must be the beginning of the e-mail address, its domain (`@example.com`), the username, a word of the name, or a part of one of them. Case, accents and signs around words do not count.',
      }),
    ),
    role: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'Code or id.' })),
    status: Type.Optional(userSchema.properties.status),
    verified: Type.Optional(Type.Boolean()),
    createdFrom: timeInput('Inclusive.'),
    createdTo: timeInput('Exclusive.'),
    sort: Type.Optional(Type.Enum([...SORTS], { description: 'Default `-createdAt`, the newest first.' })),
  },
  closed,
);
export type UsersQuery = Static<typeof usersQuery>;

/** The query of the list of users who have a role. */
export const membersQuery = Type.Object({ ...listQuery, sort: usersQuery.properties.sort }, closed);

export const eraseQuery = Type.Object(
  { erase: Type.Optional(Type.Boolean({ description: 'Permanently; requires a fresh sign-in.' })) },
  closed,
);

export const stopEmailMoveBody = Type.Object(
  { token: Type.String({ maxLength: 500 }) },
  { ...closed, title: 'StopEmailChangeBody' },
);

/** A user as administrators see them. */
export const adminUserSchema = Type.Object(
  {
    ...userSchema.properties,
    mustChangePassword: Type.Boolean(),
    hasPassword: Type.Boolean(),
    externalId: nullable(Type.String({ description: 'Of an import: the source and the id there; null: none.' })),
    invitedUntil: nullable(timestamp({ description: 'When the open invitation expires; null: none.' })),
    pendingEmail: nullable(
      Type.Object(
        { email: Type.String(), takesEffectAt: timestamp() },
        { title: 'PendingEmail', description: 'An address from an administrator that waits; null: none.' },
      ),
    ),
    deletedAt: nullable(timestamp()),
  },
  { title: 'AdminUser' },
);

/** A record and the codes of its roles as `adminUserSchema` shows them. */
export function adminUserView(user: UserRecord, roles: string[], publicUrl: string): Static<typeof adminUserSchema> {
  const { mustChangePassword, passwordHash, externalId, invitation, deletedAt } = user;
  const hasPassword = passwordHash !== null;
  const more = { mustChangePassword, hasPassword, externalId, invitedUntil: invitation?.expiresAt ?? null };
  const waiting = waitingMove(user);
  const pendingEmail = waiting && { email: waiting.email, takesEffectAt: waiting.dueAt };
  return { ...userView(user, roles, publicUrl), ...more, pendingEmail, deletedAt };
}
