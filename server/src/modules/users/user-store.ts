import type { EventDraft } from '../events/event-store.ts';

export interface UserProfile {
  bio?: string;
  website?: string;
  location?: string;
}

/** A move to another address that waits for its code (or, to the same address, its first verification). */
export interface EmailChange {
  /** The challenge that the code is derived from. */
  id: string;
  keyId: string;
  email: string;
  emailNorm: string;
  expiresAt: Date;
  /** Codes that were tried, counted before they are compared. */
  tries: number;
}

/** What the token of an invitation is derived from, together with the user's id and password version: a password voids it. */
export interface Invitation {
  id: string;
  keyId: string;
  expiresAt: Date;
}

export interface UserRecord {
  id: string;
  /** As the person wrote it; null once an erasure released it. */
  email: string | null;
  /** The canonical form: unique. */
  emailNorm: string | null;
  emailVerified: boolean;
  username: string | null;
  /** The look-alike key: unique. */
  usernameKey: string | null;
  fullName: string | null;
  phone: string | null;
  /** BCP 47. */
  locale: string | null;
  profile: UserProfile;
  profilePublic: boolean;
  /** `erased`: a tombstone without a name or address, until its events are home. It is nobody to everybody. */
  status: 'active' | 'disabled' | 'deleted' | 'erased';
  /** Ids of granted roles; that of the superadmins is never among them. */
  roleIds: string[];
  /**
   * May stand in the record of the superadmins, which alone decides. While it is set, nobody disables or deletes this user without
   * asking that record first (decision 8).
   */
  superadminMark: boolean;
  /** PHC, or an imported form; null: nobody can sign in by password. */
  passwordHash: string | null;
  /** Grows with every new password: secrets that name an older one are void. */
  passwordVersion: number;
  mustChangePassword: boolean;
  /** Sessions that began under an earlier epoch are dead, but the kept one. */
  sessionEpoch: number;
  keptSessionId: string | null;
  /** API keys and OAuth grants of an older grant epoch are void. */
  grantEpoch: number;
  /** Passkeys, TOTP, recovery codes and social identities of an older credential epoch are void. */
  credentialEpoch: number;
  emailChange: EmailChange | null;
  /** A link that waits for its owner's first password. */
  invitation: Invitation | null;
  lastLoginAt: Date | null;
  deletedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  /** Grows with every change that carries an event; a verb that names an older one has lost. */
  version: number;
}

/** What a verb met: it happened, somebody else was faster, or a name is in use. */
export type UserChange = 'ok' | 'lost' | 'email_taken' | 'username_taken';

/** Names one state of one user; the verb happens to that state or not at all. */
export interface UserAt {
  id: string;
  version: number;
  now: Date;
}

type Address = 'email' | 'emailNorm' | 'emailVerified';
type Profile = 'fullName' | 'username' | 'usernameKey' | 'phone' | 'locale' | 'profile' | 'profilePublic';
export type ProfilePatch = Partial<Pick<UserRecord, Profile | Address>>;

/** Which users a list shows; what is not said does not matter. Erased ones are never shown. */
export interface UserFilter {
  /** Each must begin one of the user's own terms; in the form of `search-terms.ts`. */
  terms?: readonly string[];
  roleId?: string;
  /** Only these. */
  ids?: readonly string[];
  status?: 'active' | 'disabled' | 'deleted';
  verified?: boolean;
  /** Inclusive. */
  createdFrom?: Date;
  /** Exclusive. */
  createdTo?: Date;
}

/** By `emailNorm` and by `username` as text, byte by byte; who has no such value comes before everybody who has one (last, when descending). */
export interface UserOrder {
  by: 'createdAt' | 'email' | 'username' | 'lastLoginAt';
  descending: boolean;
}

/** A place in an order: what the last user seen is sorted by (a time as ISO 8601), then their id, in the same direction. */
export interface UserPlace {
  value: string | null;
  id: string;
}

/** Every verb that carries an event writes it and the change in one atomic step, and sets `version` to one more. */
export interface UserStore {
  /** `lost`: the id exists already, so the registration or invitation that it came from is used up. */
  insert(user: UserRecord, event: EventDraft): Promise<UserChange>;
  find(id: string): Promise<UserRecord | null>;
  findByEmail(emailNorm: string): Promise<UserRecord | null>;
  findByUsernameKey(usernameKey: string): Promise<UserRecord | null>;
  setPassword(
    at: UserAt,
    change: Pick<UserRecord, 'passwordVersion' | 'mustChangePassword' | 'sessionEpoch' | 'keptSessionId'> & {
      hash: string;
    },
    event: EventDraft,
  ): Promise<UserChange>;
  /** The same password in a better hash: no event, no new version; only while `from` is still there. */
  upgradeHash(id: string, from: string, to: string): Promise<boolean>;
  /** Another address ends a waiting change of it: its code must not take it back. */
  patchProfile(at: UserAt, patch: ProfilePatch, event: EventDraft): Promise<UserChange>;
  endSessions(
    at: UserAt,
    change: { sessionEpoch: number; keptSessionId: string | null },
    event: EventDraft,
  ): Promise<UserChange>;
  beginEmailChange(at: UserAt, change: EmailChange, event: EventDraft): Promise<UserChange>;
  /** A later end for the waiting change, whose tries stay as they are counted meanwhile. */
  extendEmailChange(at: UserAt, expiresAt: Date, event: EventDraft): Promise<UserChange>;
  /** Counts one try of a code; false where the challenge is another, expired, or has no tries left. */
  countEmailTry(id: string, challengeId: string, limit: number, now: Date): Promise<boolean>;
  /** Takes the waiting address, verified, and ends the challenge. */
  takeEmail(at: UserAt, address: { email: string; emailNorm: string }, event: EventDraft): Promise<UserChange>;
  /**
   * Ends the mark and a waiting change of address or invitation, too. The credential epoch stays: whoever is restored signs in as before.
   */
  softDelete(
    at: UserAt,
    change: Pick<UserRecord, 'sessionEpoch' | 'grantEpoch'>,
    event: EventDraft,
  ): Promise<UserChange>;
  /** Disables, enables, or restores after `softDelete` (`deletedAt` becomes null); ends the mark. */
  setStatus(
    at: UserAt,
    change: { status: 'active' | 'disabled'; sessionEpoch: number },
    event: EventDraft,
  ): Promise<UserChange>;
  /** Leaves a tombstone: `ERASED` of `erasure.ts`, and `deletedAt` is now unless it was set. */
  erase(
    at: UserAt,
    change: Pick<UserRecord, 'sessionEpoch' | 'grantEpoch' | 'credentialEpoch'>,
    event: EventDraft,
  ): Promise<UserChange>;
  /** Takes a tombstone away once its events are home; does nothing to anybody else. */
  remove(id: string): Promise<void>;
  setRoles(at: UserAt, change: { roleIds: string[] }, event: EventDraft): Promise<UserChange>;
  setSuperadminMark(at: UserAt, mark: boolean, event: EventDraft): Promise<UserChange>;
  invite(at: UserAt, invitation: Invitation, event: EventDraft): Promise<UserChange>;
  /** The first password; the address that the link was mailed to is verified by it. */
  acceptInvitation(
    at: UserAt,
    change: { hash: string; passwordVersion: number; sessionEpoch: number } & Partial<
      Pick<UserRecord, 'username' | 'usernameKey' | 'fullName'>
    >,
    event: EventDraft,
  ): Promise<UserChange>;
  /** Users in an order, after a place in it, or after the first `skip` of them. */
  list(
    filter: UserFilter,
    order: UserOrder,
    page: { after: UserPlace | null; skip: number; limit: number },
  ): Promise<UserRecord[]>;
  /** How many there are, counted no further than `limit`. */
  count(filter: UserFilter, limit: number): Promise<number>;
  /** Ids of those who were deleted before then and can still be restored, the earliest first. */
  listDeletedBefore(before: Date, limit: number): Promise<string[]>;
  /** Never moves backwards. No event: it follows from one. */
  noteLogin(id: string, at: Date): Promise<void>;
}
