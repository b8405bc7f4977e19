import type { Assurance, ProofMethod } from '../../platform/http/caller.ts';
import type { Device } from '../../platform/http/device.ts';
import type { EventDraft } from '../events/event-store.ts';

/** That somebody showed who they are, and when. */
export interface Proof {
  method: ProofMethod;
  at: Date;
}

/** One sign-in on one device, and the head of its chain of refresh tokens. */
export interface SessionRecord {
  id: string;
  userId: string;
  clientId: string;
  /** The user's `sessionEpoch` when the password was read: a sign-in that raced with a revocation is born dead. */
  epoch: number;
  /** How often the refresh token was rotated; the present one carries it. */
  generation: number;
  /** SHA-256 of the present refresh token. */
  tokenHash: string;
  /** SHA-256 of its predecessor. */
  previousHash: string | null;
  /** What the winner of the last rotation mixed in: `keyId.random`. With it the predecessor yields its successor again. */
  rotationNonce: string | null;
  rotatedAt: Date;
  /** The present refresh token's access token was seen: its client has both, and no answer was lost. */
  generationUsed: boolean;
  /** How the person proved who they are, in this order. */
  methods: Proof[];
  /** By one factor or by two. */
  aal: Assurance['aal'];
  /** When they last did. */
  authTime: Date;
  /** The organisation that it is used for; null: none. */
  organizationId: string | null;
  /** The session that it ends with. */
  parentId: string | null;
  /** What its client was allowed. */
  grantId: string | null;
  /** Thumbprint of the key that its tokens are bound to (RFC 9449). */
  jkt: string | null;
  /** Who vouched for the person, where it was somebody else. */
  providerId: string | null;
  device: Device;
  ip: string;
  /** The network that the address belongs to. */
  network: string;
  country: string | null;
  createdAt: Date;
  lastSeenAt: Date;
  /** Refreshing is possible until then; moves with every rotation, never past `expiresAt`. */
  idleExpiresAt: Date;
  expiresAt: Date;
  endedAt: Date | null;
  endReason: string | null;
  /** Grows with every change that carries an event; a verb that names an older one has lost. */
  version: number;
}

export interface Rotation {
  id: string;
  version: number;
  fromGeneration: number;
  fromHash: string;
  toHash: string;
  nonce: string;
  now: Date;
  idleExpiresAt: Date;
  ip: string;
  network: string;
  country: string | null;
}

/** Every verb that carries an event writes it and the change in one atomic step, and sets `version` to one more. */
export interface SessionStore {
  /** False where there is, or was, a session with this id: what it became of is used up. */
  create(session: SessionRecord, event: EventDraft): Promise<boolean>;
  find(id: string): Promise<SessionRecord | null>;
  /** The one rotation of this generation; false for everybody who was not it, and where the session ended or idled out. */
  rotate(rotation: Rotation, event: EventDraft): Promise<boolean>;
  /** The access token of this generation was seen. No event. */
  markUsed(id: string, generation: number, now: Date): Promise<void>;
  /** What was proved since, or chosen, within the same session. False where it has ended, or `version` has passed. */
  elevate(
    at: { id: string; version: number },
    change: Pick<SessionRecord, 'methods' | 'aal' | 'authTime' | 'organizationId'>,
    event: EventDraft,
  ): Promise<boolean>;
  /** False where it has ended already, or `version` has passed. */
  end(
    at: { id: string; version: number },
    change: { endedAt: Date; endReason: string },
    event: EventDraft,
  ): Promise<boolean>;
  /** A user's sessions that have neither ended nor run out at `now`, the oldest first; the user's epoch is for the caller to compare. */
  listOpen(userId: string, now: Date): Promise<SessionRecord[]>;
  /** A user's latest sessions, ended ones too, for telling what is new about the next. */
  listLatest(userId: string, limit: number): Promise<SessionRecord[]>;
  /**
   * Looks at the next `limit` sessions after the id `after` (null: from the first), and forgets those that ended or idled out before then.
   * Answers how many, and the last id that it looked at; null where there are no more.
   */
  purge(before: Date, page: { after: string | null; limit: number }): Promise<{ removed: number; last: string | null }>;
  /** Takes all sessions of a user away, ended ones too; their history stays. No event: it follows from one. */
  removeForUser(userId: string): Promise<void>;
}
