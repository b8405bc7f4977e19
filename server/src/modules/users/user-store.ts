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
  status: 'active' | 'disabled' | 'deleted';
  /** Ids of granted roles; superadmins are not among them. */
  roleIds: string[];
  /** PHC, or an imported form; null: nobody can sign in by password. */
  passwordHash: string | null;
  /** Grows with every new password: secrets that name an older one are void. */
  passwordVersion: number;
  mustChangePassword: boolean;
  /** Sessions that began under an earlier epoch are dead, but the kept one. */
  sessionEpoch: number;
  keptSessionId: string | null;
  emailChange: EmailChange | null;
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

export type ProfilePatch = Partial<
  Pick<UserRecord, 'fullName' | 'username' | 'usernameKey' | 'phone' | 'locale' | 'profile' | 'profilePublic'>
>;

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
  patchProfile(at: UserAt, patch: ProfilePatch, event: EventDraft): Promise<UserChange>;
  endSessions(
    at: UserAt,
    change: { sessionEpoch: number; keptSessionId: string | null },
    event: EventDraft,
  ): Promise<UserChange>;
  beginEmailChange(at: UserAt, change: EmailChange, event: EventDraft): Promise<UserChange>;
  /** Counts one try of a code; false where the challenge is another, expired, or has no tries left. */
  countEmailTry(id: string, challengeId: string, limit: number, now: Date): Promise<boolean>;
  /** Takes the waiting address, verified, and ends the challenge. */
  takeEmail(at: UserAt, address: { email: string; emailNorm: string }, event: EventDraft): Promise<UserChange>;
  softDelete(at: UserAt, change: { sessionEpoch: number }, event: EventDraft): Promise<UserChange>;
  /** Never moves backwards. No event: it follows from one. */
  noteLogin(id: string, at: Date): Promise<void>;
}
