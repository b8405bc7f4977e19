import type { UserRecord } from './user-store.ts';

/** What a tombstone keeps: whose it is and when, and what has been counted, so that nothing that names an older count is good again. */
type Kept = 'id' | 'passwordVersion' | 'createdAt' | 'updatedAt' | 'version';

/** What each erasure says itself. */
type Decided = 'sessionEpoch' | 'grantEpoch' | 'credentialEpoch' | 'deletedAt';

/** An optional field, too, must be said: what is undefined stays as it is. */
export type Cleared<T> = { readonly [Field in Exclude<keyof T, Kept | Decided>]-?: T[Field] };

/**
 * What an erasure makes of all other fields, on every database. A field that is new in the record does not compile until it
 * stands here or in one of the two lists above: nothing of a person outlives their erasure because nobody thought of it.
 */
export const ERASED: Cleared<UserRecord> = {
  email: null,
  emailNorm: null,
  emailVerified: false,
  username: null,
  usernameKey: null,
  fullName: null,
  phone: null,
  locale: null,
  profile: {},
  profilePublic: false,
  status: 'erased',
  roleIds: [],
  superadminMark: false,
  passwordHash: null,
  mustChangePassword: false,
  keptSessionId: null,
  emailChange: null,
  invitation: null,
  lastLoginAt: null,
};
