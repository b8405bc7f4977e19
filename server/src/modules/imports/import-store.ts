import type { EventDraft } from '../events/event-store.ts';
import type { Counts } from './counts.ts';
import type { Position } from './imported-person.ts';

/** How far the import of one source came. */
export interface ImportRecord {
  /** The name of the source; the external ids of its people begin with it. */
  id: string;
  /** Of the content that `position` refers to. */
  fingerprint: string;
  /** Everything up to it was dealt with; null: nothing was. */
  position: Position | null;
  counts: Counts;
  /**
   * Ids of the accounts of the batch that may be under way: where a process died after it had inserted them, the next one knows that they
   * are its own, and counts them once.
   */
  intendedIds: string[];
  startedAt: Date;
  updatedAt: Date;
  finishedAt: Date | null;
  /** 0: not stored yet. */
  version: number;
}

export interface ImportStore {
  find(id: string): Promise<ImportRecord | null>;
  /**
   * Compare-and-set on `version`, which grows by one; 0 inserts. False if another process wrote first. The event of a start or an end is written in
   * the same step.
   */
  replace(from: number, next: Omit<ImportRecord, 'version'>, event: EventDraft | null): Promise<boolean>;
}
