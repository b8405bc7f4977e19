import type { EventDraft } from '../events/event-store.ts';

export interface UserProfile {
  bio?: string;
  website?: string;
  location?: string;
}

/** A change of address that is pending until its code is confirmed; also the first verification of the same address. */
export interface EmailChange {
  /** The id of the challenge from which the code is derived. */
  id: string;
  keyId: string;
  email: string;
  emailNorm: string;
  expiresAt: Date;
  /** Number of tried codes; each is counted before it is compared. */
  tries: number;
}

/**
 * A new address that an administrator gave: it waits until `dueAt`, or took effect then; the mail to the old address has a link that stops
 * it (decision 37).
 */
export interface EmailMove {
  /** The token of that link is derived from this, the user's id and both addresses. */
  id: string;
  keyId: string;
  /** The address that it replaces: it only does so while the user still has this one. */
  fromNorm: string | null;
  email: string;
  emailNorm: string;
  /** Whether the new address counts as verified. */
  emailVerified: boolean;
  dueAt: Date;
}

/** The token of an invitation is derived from this, the user's id and the password version: setting a password voids it. */
export interface Invitation {
  id: string;
  keyId: string;
  expiresAt: Date;
}

/** What users say about themselves. A field that is new here does not compile until every list of such fields has it. */
export interface ProfileFields {
  username: string | null;
  /** The look-alike key; unique. */
  usernameKey: string | null;
  fullName: string | null;
  phone: string | null;
  /** BCP 47. */
  locale: string | null;
  profile: UserProfile;
  profilePublic: boolean;
}

export interface UserRecord extends ProfileFields {
  id: string;
  /** As the user wrote it; null after an erasure. */
  email: string | null;
  /** The canonical form; unique. */
  emailNorm: string | null;
  emailVerified: boolean;
  /** `erased`: a tombstone without a name or address, kept until its events have been moved. It no longer counts as a user. */
  status: 'active' | 'disabled' | 'deleted' | 'erased';
  /** Ids of the granted roles; never includes that of the superadmins. */
  roleIds: string[];
  /**
   * The user may be in the record of the superadmins, which alone decides. While the mark is set, disabling or deleting this user
   * requires a check of that record first (decision 8).
   */
  superadminMark: boolean;
  /** `<source>:<id there>` of whoever was imported; unique. */
  externalId: string | null;
  /** In PHC or an imported format; null: no sign-in by password. */
  passwordHash: string | null;
  /** Incremented by every new password; secrets that name an older version are void. */
  passwordVersion: number;
  mustChangePassword: boolean;
  /** Sessions of an earlier epoch have ended, except `keptSessionId`. */
  sessionEpoch: number;
  keptSessionId: string | null;
  /** API keys and OAuth grants of an older grant epoch are void. */
  grantEpoch: number;
  /** Passkeys, TOTP, recovery codes and social identities of an older credential epoch are void. */
  credentialEpoch: number;
  emailChange: EmailChange | null;
  emailMove: EmailMove | null;
  /** A pending invitation: its link sets the first password. */
  invitation: Invitation | null;
  /** The file of the avatar. */
  avatarId: string | null;
  lastLoginAt: Date | null;
  deletedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  /** Incremented by every change that carries an event; a verb that names an older version loses. */
  version: number;
}

/** The result of a verb: applied, lost to a concurrent change, or refused because a name is in use. */
export type UserChange = 'ok' | 'lost' | 'email_taken' | 'username_taken';

/** Names one state of one user: a verb changes that state or nothing. */
export interface UserAt {
  id: string;
  version: number;
  now: Date;
}

type Address = 'email' | 'emailNorm' | 'emailVerified';
export type ProfilePatch = Partial<ProfileFields & Pick<UserRecord, Address | 'emailMove'>>;

/** Which users a list shows; omitted fields do not filter. Erased users are never shown. */
export interface UserFilter {
  /** Each must be a prefix of a term of the user; see `searchTerms`. */
  terms?: readonly string[];
  roleId?: string;
  /** Has at least one of these roles; not empty. */
  anyRoleIds?: readonly string[];
  /** Only these. */
  ids?: readonly string[];
  status?: 'active' | 'disabled' | 'deleted';
  verified?: boolean;
  /** Inclusive. */
  createdFrom?: Date;
  /** Exclusive. */
  createdTo?: Date;
}

/** `emailNorm` and `username` are compared byte by byte. Users without a value come first (last, when descending). */
export interface UserOrder {
  by: 'createdAt' | 'email' | 'username' | 'lastLoginAt';
  descending: boolean;
}

/** A place in an order: the sort value of the last user seen (a time as ISO 8601), and the id, sorted in the same direction. */
export interface UserPlace {
  value: string | null;
  id: string;
}

/** What names a user: each is unique among all users. */
export type UserNames = Pick<UserRecord, 'id' | 'emailNorm' | 'username' | 'usernameKey' | 'externalId'>;

/** Every verb that carries an event writes it and the change in one atomic step, and sets `version` to one more. */
export interface UserStore {
  /** `lost`: the id exists already, so the registration or invitation that it came from has been used. */
  insert(user: UserRecord, event: EventDraft): Promise<UserChange>;
  /**
   * Inserts many, each with the event of the same place: `users.insertMany([{ user, event }])`. Returns the ids of those that were inserted; whose
   * id, address, username or external id is taken, also by another of them, is left out. For imports.
   */
  insertMany(people: readonly { user: UserRecord; event: EventDraft }[]): Promise<string[]>;
  /** The names of all users who have any of these: what an import must not use again. */
  findNamed(names: {
    ids: readonly string[];
    emailNorms: readonly string[];
    usernameKeys: readonly string[];
    externalIds: readonly string[];
  }): Promise<UserNames[]>;
  find(id: string): Promise<UserRecord | null>;
  findByEmail(emailNorm: string): Promise<UserRecord | null>;
  findByUsernameKey(usernameKey: string): Promise<UserRecord | null>;
  setPassword(
    at: UserAt,
    change: Pick<UserRecord, 'passwordVersion' | 'mustChangePassword' | 'sessionEpoch' | 'keptSessionId'> & {
      hash: string;
      /** The new password came with a proof of the address. */
      emailVerified?: true;
    } & Partial<Pick<UserRecord, 'grantEpoch' | 'credentialEpoch'>>,
    event: EventDraft,
  ): Promise<UserChange>;
  /** Replaces the hash `from` by a better one of the same password; false if it has changed. No event, no new version. */
  upgradeHash(id: string, from: string, to: string): Promise<boolean>;
  /** A new address ends a pending change, whose code could otherwise replace it, and a move unless the patch has one. */
  patchProfile(at: UserAt, patch: ProfilePatch, event: EventDraft): Promise<UserChange>;
  endSessions(
    at: UserAt,
    change: { sessionEpoch: number; keptSessionId: string | null },
    event: EventDraft,
  ): Promise<UserChange>;
  /** Ends every session, API key, OAuth grant and trusted device: all name these epochs. */
  lockDown(at: UserAt, change: Pick<UserRecord, 'sessionEpoch' | 'grantEpoch'>, event: EventDraft): Promise<UserChange>;
  beginEmailChange(at: UserAt, change: EmailChange, event: EventDraft): Promise<UserChange>;
  /** Extends the pending change; tries that are counted concurrently stay counted. */
  extendEmailChange(at: UserAt, expiresAt: Date, event: EventDraft): Promise<UserChange>;
  /** Counts one try of a code; false if the challenge is not pending, has expired, or has no tries left. */
  countEmailTry(id: string, challengeId: string, limit: number, now: Date): Promise<boolean>;
  /** Sets the pending address as verified, and ends the challenge and an administrator's move. */
  takeEmail(at: UserAt, address: { email: string; emailNorm: string }, event: EventDraft): Promise<UserChange>;
  /**
   * The mailbox of an account with an unverified address was proved for the first time: verifies the address, drops the password, a pending
   * invitation and a pending change of the address. The raised epochs end every session, grant and credential of whoever made the account.
   */
  claim(
    at: UserAt,
    change: Pick<UserRecord, 'passwordVersion' | 'sessionEpoch' | 'grantEpoch' | 'credentialEpoch'>,
    event: EventDraft,
  ): Promise<UserChange>;
  /**
   * Also clears the mark, and a pending change or move of the address, or invitation. The credential epoch stays: a restored user signs in as before.
   */
  softDelete(
    at: UserAt,
    change: Pick<UserRecord, 'sessionEpoch' | 'grantEpoch'>,
    event: EventDraft,
  ): Promise<UserChange>;
  /** Disables, enables, or restores after `softDelete` (`deletedAt` becomes null); clears the mark, and a move if `emailMove` is null. */
  setStatus(
    at: UserAt,
    change: { status: 'active' | 'disabled'; sessionEpoch: number; emailMove?: null },
    event: EventDraft,
  ): Promise<UserChange>;
  /** Turns the user into a tombstone: `ERASED` of `erasure.ts`; `deletedAt` is set unless it was already. */
  erase(
    at: UserAt,
    change: Pick<UserRecord, 'sessionEpoch' | 'grantEpoch' | 'credentialEpoch'>,
    event: EventDraft,
  ): Promise<UserChange>;
  /** Deletes a tombstone, after its events have been moved; does nothing to other users. */
  remove(id: string): Promise<void>;
  setAvatar(at: UserAt, avatarId: string | null, event: EventDraft): Promise<UserChange>;
  setRoles(at: UserAt, change: { roleIds: string[] }, event: EventDraft): Promise<UserChange>;
  setSuperadminMark(at: UserAt, mark: boolean, event: EventDraft): Promise<UserChange>;
  invite(at: UserAt, invitation: Invitation, event: EventDraft): Promise<UserChange>;
  /** Sets the first password, and marks the address that got the link as verified. */
  acceptInvitation(
    at: UserAt,
    change: { hash: string; passwordVersion: number; sessionEpoch: number } & Partial<
      Pick<UserRecord, 'username' | 'usernameKey' | 'fullName'>
    >,
    event: EventDraft,
  ): Promise<UserChange>;
  /**
   * Writes the terms of up to `limit` users again whose terms are of an earlier version (see `search-terms.ts`), such as those that an older
   * instance inserts. Returns how many it found; 0: none is left. No event: the terms follow from the names.
   */
  rebuildTerms(limit: number): Promise<number>;
  /** Users in an order, after a place in it, or after the first `skip` of them. */
  list(
    filter: UserFilter,
    order: UserOrder,
    page: { after: UserPlace | null; skip: number; limit: number },
  ): Promise<UserRecord[]>;
  /** The number of matching users, counted up to `limit`. */
  count(filter: UserFilter, limit: number): Promise<number>;
  /** Ids of users who were deleted before then and are not erased yet, the earliest first. */
  listDeletedBefore(before: Date, limit: number): Promise<string[]>;
  /** Sets `lastLoginAt`, but never to an earlier time. No event: it follows from one. */
  noteLogin(id: string, at: Date): Promise<void>;
}
