import type { UserRecord } from './user-store.ts';

/** A new active user whose other fields are empty. */
export function newcomer(id: string, now: Date): UserRecord {
  return {
    id,
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
    status: 'active',
    roleIds: [],
    superadminMark: false,
    externalId: null,
    passwordHash: null,
    passwordVersion: 1,
    mustChangePassword: false,
    sessionEpoch: 0,
    keptSessionId: null,
    grantEpoch: 0,
    credentialEpoch: 0,
    emailChange: null,
    emailMove: null,
    invitation: null,
    avatarId: null,
    lastLoginAt: null,
    deletedAt: null,
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
}
