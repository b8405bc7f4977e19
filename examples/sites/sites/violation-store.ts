import type { EventDraft } from 'ostiary';

/** A file that shows a violation; its owner has uploaded it. */
export interface Evidence {
  fileId: string;
  ownerId: string;
}

export interface ViolationRecord {
  /** UUIDv7. */
  id: string;
  siteId: string;
  text: string;
  status: 'open' | 'resolved';
  /** Null: the account is erased. */
  reportedBy: string | null;
  /** Sorted by the ids of the files. */
  evidence: Evidence[];
  createdAt: Date;
  updatedAt: Date;
  version: number;
}

/** The violation that a change was decided on. */
export interface ViolationAt {
  id: string;
  version: number;
  now: Date;
}

export interface ViolationFilter {
  /** Null: of all sites. */
  siteId: string | null;
  status?: ViolationRecord['status'];
}

/** Nothing here is written together with another record: it can live on a database of its own. */
export interface ViolationStore {
  /** Without evidence. */
  insert(violation: ViolationRecord, event: EventDraft): Promise<void>;
  find(id: string): Promise<ViolationRecord | null>;
  /** The latest first. */
  list(
    filter: ViolationFilter,
    page: { before: string | null; skip: number; limit: number },
  ): Promise<ViolationRecord[]>;
  /** The number of violations, counted up to `limit`. */
  count(filter: ViolationFilter, limit: number): Promise<number>;
  /** False if the violation has changed since. */
  addEvidence(at: ViolationAt, evidence: Evidence, event: EventDraft): Promise<boolean>;
  /** False if the violation has changed since. */
  resolve(at: ViolationAt, event: EventDraft): Promise<boolean>;
  /** Removes who reported it, and evidence, of an erased user; the erasure has its own event. Safe to run twice. */
  forgetUser(userId: string): Promise<void>;
}
