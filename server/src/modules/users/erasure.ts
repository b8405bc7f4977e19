import type { UserRecord } from './user-store.ts';

/** Fields that a tombstone keeps: id, times and counters, so that nothing that names an older count becomes valid again. */
type Kept = 'id' | 'passwordVersion' | 'createdAt' | 'updatedAt' | 'version';

/** Fields whose values each erasure passes itself. */
type Decided = 'sessionEpoch' | 'grantEpoch' | 'credentialEpoch' | 'deletedAt';

/** Optional fields are required, too: an undefined field would stay unchanged. */
export type Cleared<T> = { readonly [Field in Exclude<keyof T, Kept | Decided>]-?: T[Field] };

/**
 * The values of all other fields after an erasure, on every database. A new field of the record does not compile until it is here or
 * in one of the two lists above, so that no personal data outlives an erasure because it was forgotten.
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
  externalId: null,
  passwordHash: null,
  mustChangePassword: false,
  keptSessionId: null,
  emailChange: null,
  emailMove: null,
  invitation: null,
  avatarId: null,
  lastLoginAt: null,
};
