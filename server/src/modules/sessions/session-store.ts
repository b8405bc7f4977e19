import type { Assurance, ProofMethod } from '../../platform/http/caller.ts';
import type { Device } from '../../platform/http/device.ts';
import type { EventDraft } from '../events/event-store.ts';

/** One proof of who a person is, and when it was given. */
export interface Proof {
  method: ProofMethod;
  at: Date;
}

/** One sign-in on one device, and the head of its chain of refresh tokens. */
export interface SessionRecord {
  id: string;
  userId: string;
  clientId: string;
  /** The user's `sessionEpoch` when the sign-in began. A session that raced with a revocation is never live. */
  epoch: number;
  /** Number of rotations; the present refresh token carries it. */
  generation: number;
  /** SHA-256 of the present refresh token. */
  tokenHash: string;
  /** SHA-256 of its predecessor. */
  previousHash: string | null;
  /** Nonce of the last rotation, `keyId.random`. The present token is derived from its predecessor with it. */
  rotationNonce: string | null;
  rotatedAt: Date;
  /** Whether the access token issued with the present refresh token was seen: then the client has both, and no answer was lost. */
  generationUsed: boolean;
  /** Proofs of who the person is, in the order in which they were given. */
  methods: Proof[];
  /** 1: one factor; 2: two factors. */
  aal: Assurance['aal'];
  /** When the person was last proved. */
  authTime: Date;
  /** The organisation that the session is used for; null: none. */
  organizationId: string | null;
  /** The session whose end ends this one. */
  parentId: string | null;
  /** The grant of its OAuth client. */
  grantId: string | null;
  /** Thumbprint of the key that its tokens are bound to (RFC 9449). */
  jkt: string | null;
  /** The identity provider that signed the person in, if any. */
  providerId: string | null;
  /** The client that signed in. */
  device: Device;
  /** The latest other client that refreshed; null: none did. */
  refreshedBy: Device | null;
  ip: string;
  /** The network of the address. */
  network: string;
  country: string | null;
  createdAt: Date;
  lastSeenAt: Date;
  /** The refresh token expires then; each rotation moves it, never past `expiresAt`. */
  idleExpiresAt: Date;
  expiresAt: Date;
  endedAt: Date | null;
  endReason: string | null;
  /** Grows with each change that has an event. A verb that names an older version fails. */
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
  refreshedBy: Device | null;
  ip: string;
  network: string;
  country: string | null;
}

/** Sessions in the database. Each verb that has an event writes it and the change atomically, and adds one to `version`. */
export interface SessionStore {
  /** Inserts a session. False if its id was ever used: the one-time thing that it came from is used up. */
  create(session: SessionRecord, event: EventDraft): Promise<boolean>;
  find(id: string): Promise<SessionRecord | null>;
  /** Rotates this generation, once. False if another request has, or if the session has ended or expired. */
  rotate(rotation: Rotation, event: EventDraft): Promise<boolean>;
  /** Notes that the access token of this generation was seen. No event. */
  markUsed(id: string, generation: number, now: Date): Promise<void>;
  /** Stores new proofs or another organisation of a session. False if it has ended, or `version` is old. */
  elevate(
    at: { id: string; version: number },
    change: Pick<SessionRecord, 'methods' | 'aal' | 'authTime' | 'organizationId'>,
    event: EventDraft,
  ): Promise<boolean>;
  /** Ends a session. False if it has ended already, or `version` is old. */
  end(
    at: { id: string; version: number },
    change: { endedAt: Date; endReason: string },
    event: EventDraft,
  ): Promise<boolean>;
  /** A user's sessions that have neither ended nor expired at `now`, the oldest first. The caller compares the user's epoch. */
  listOpen(userId: string, now: Date): Promise<SessionRecord[]>;
  /** A user's latest sessions, including ended ones. A sign-in is compared with them. */
  listLatest(userId: string, limit: number): Promise<SessionRecord[]>;
  /**
   * Looks at the next `limit` sessions after the id `after` (null: from the first), and deletes those that ended or expired before the
   * time `before`. Answers how many, and the last id that it looked at; null at the end.
   */
  purge(before: Date, page: { after: string | null; limit: number }): Promise<{ removed: number; last: string | null }>;
  /** Deletes all sessions of a user, including ended ones. Their history stays. No event: it follows from one. */
  removeForUser(userId: string): Promise<void>;
}
