import type { Assurance } from '../../platform/http/caller.ts';
import type { ActorRate } from '../../platform/http/limits.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { KeyKind } from './key-format.ts';

/** A key. What authenticates is its secret, of which only the hash is here. */
export interface ApiKeyRecord {
  /** UUIDv7; the key itself begins with it. */
  id: string;
  kind: KeyKind;
  /** The person (`pat`) or the service account (`svc`) whose roles count. */
  subjectId: string;
  /** The organisation that it is used for; null: none. */
  organizationId: string | null;
  name: string;
  /** SHA-256 of the whole key. */
  hash: string;
  /** The hash of its predecessor, which works until `previousUntil`. */
  previousHash: string | null;
  previousUntil: Date | null;
  /** Patterns of permissions and `role:…`. */
  scopes: string[];
  /** Some scope has a `*`. */
  wide: boolean;
  /** Addresses that it may come from, in CIDR notation; empty: any. */
  networks: string[];
  /** Its own limit; that of the roles counts where it is stricter. */
  rateLimit: ActorRate | null;
  /** How sure it was who made it: it passes no guard that asks for more. */
  aal: Assurance['aal'];
  phishingResistant: boolean;
  /** The `grantEpoch` of its person when it was made; void once that has passed. 0 for service accounts. */
  grantEpoch: number;
  /** Who made it; null: the operator. */
  createdBy: string | null;
  expiresAt: Date;
  /** When its owners are to be told next that it ends; null: not any more. */
  remindAt: Date | null;
  revokedAt: Date | null;
  revokeReason: string | null;
  lastUsedAt: Date | null;
  lastUsedIp: string | null;
  lastUsedAgent: string | null;
  /** Networks that it was made in or used from, the latest last. */
  seenNetworks: string[];
  /** When its owners were last told of a new network, and of a use from outside of its networks. */
  networkToldAt: Date | null;
  refusalToldAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  /** Grows by one with every change that has an event; a verb that names an older version fails. */
  version: number;
}

/** The key that a change was decided on. */
export interface ApiKeyAt {
  id: string;
  version: number;
  now: Date;
}

/** Keys that are neither revoked nor expired at `now`, and all that is said besides. */
export interface LiveKeyFilter {
  now: Date;
  /** Not used since, and made before. */
  unusedSince?: Date;
  /** Exclusive. */
  expiresBefore?: Date;
  wide?: boolean;
  subjectId?: string;
}

/** One use of a key, by whom it showed. */
export interface KeyUse {
  at: Date;
  ip: string;
  agent: string;
}

/** Keys in the database. A verb with an event writes both in one step, and nothing where the version is old or the key is revoked. */
export interface ApiKeyStore {
  insert(key: ApiKeyRecord, event: EventDraft): Promise<void>;
  find(id: string): Promise<ApiKeyRecord | null>;
  /** A subject's keys that are not revoked, the latest first; expired ones too, until they are purged. */
  listOf(subjectId: string, limit: number): Promise<ApiKeyRecord[]>;
  /** The latest first, older than the id `before` (null: from the latest on). */
  list(filter: LiveKeyFilter, page: { before: string | null; skip: number; limit: number }): Promise<ApiKeyRecord[]>;
  /** The number of keys, counted up to `limit`. */
  count(filter: LiveKeyFilter, limit: number): Promise<number>;
  narrow(
    at: ApiKeyAt,
    change: Pick<ApiKeyRecord, 'name' | 'scopes' | 'wide' | 'networks' | 'expiresAt' | 'remindAt'>,
    event: EventDraft,
  ): Promise<boolean>;
  rotate(
    at: ApiKeyAt,
    change: Pick<ApiKeyRecord, 'hash' | 'previousHash' | 'previousUntil' | 'expiresAt' | 'remindAt'>,
    event: EventDraft,
  ): Promise<boolean>;
  revoke(at: ApiKeyAt, reason: string, event: EventDraft): Promise<boolean>;
  /** Notes the latest use, unless one after `olderThan` is noted; whether it did. No event, no new version. */
  noteUse(id: string, use: KeyUse, olderThan: Date): Promise<boolean>;
  noteNetwork(
    at: ApiKeyAt,
    change: Pick<ApiKeyRecord, 'seenNetworks' | 'networkToldAt'>,
    event: EventDraft,
  ): Promise<boolean>;
  noteRefusal(at: ApiKeyAt, refusalToldAt: Date, event: EventDraft): Promise<boolean>;
  /** Keys that are not revoked whose owners are to be told by `now` that they end; the earliest first. */
  dueReminders(now: Date, limit: number): Promise<ApiKeyRecord[]>;
  remind(at: ApiKeyAt, remindAt: Date | null, event: EventDraft): Promise<boolean>;
  /** Deletes keys that expired before then, at most `limit`; the number. */
  purge(before: Date, limit: number): Promise<number>;
  /** Deletes all keys of a subject. Safe to run twice. No event: it follows from one. */
  removeForSubject(subjectId: string): Promise<void>;
}
