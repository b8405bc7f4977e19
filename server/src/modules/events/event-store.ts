import type { Device } from '../../platform/http/device.ts';
import type { CommittedEvent } from '../../platform/websocket/topic.ts';

/** An immutable event: an entry of the audit trail, and the source of mails, counters and pushes. Contains no secret. */
export interface EventRecord {
  /** UUIDv7 made from `at`, to the millisecond. */
  id: string;
  /** `subject.what_happened`, such as `session.started`. */
  type: string;
  /** Version of the shape of `data`. */
  version: number;
  /** The record that changed, `kind:id`. */
  target: string;
  /** The version that the change gave that record; `(target, seq)` is unique and orders a target's events. */
  seq: number;
  /** The user in whose own history it appears, if any. */
  userId: string | null;
  /** The actor; null for the system and for strangers. */
  actorId: string | null;
  at: Date;
  ip: string | null;
  requestId: string | null;
  device: Device | null;
  data: Record<string, unknown>;
}

/** The types of events that a module writes, and what each means: `{ 'note.written': 'A note was written.' }`. */
export type EventTypes = Readonly<Record<`${string}.${string}`, string>>;

/** An event before it is written; the verb gives it its `seq`. */
export interface EventDraft extends Omit<EventRecord, 'seq'> {
  /** A handler exists for this type: the relay must deliver it. */
  pending: boolean;
  /** What instances remember of the target is out of date. */
  evicts: boolean;
}

/** An event that waits for its handlers. */
export interface PendingEvent extends EventRecord {
  /** When it may next be claimed; while a relay works on it, when its claim expires. */
  dueAt: Date;
  /** Number of failed deliveries. */
  attempts: number;
  /** Handlers that have finished it. */
  handled: string[];
}

/** A changed target on the feed that keeps the memories of all instances current. */
export interface Eviction {
  /** Grows in the order of insertion; a smaller one may still appear for as long as a transaction lasts. */
  position: number;
  target: string;
}

/** A filter for events: every given field must match. */
export interface EventFilter {
  /** A whole type, or `user.*` for everything that begins with `user.`. */
  type?: string;
  actorId?: string;
  userId?: string;
  target?: string;
  requestId?: string;
  ip?: string;
  /** Inclusive. */
  from?: Date;
  /** Exclusive. */
  to?: Date;
}

export interface EventStore {
  /**
   * Undelivered events that may be claimed at `now`, for each target only its earliest one. With `types`, only of those: the
   * others wait for an instance that has their handlers.
   */
  due(now: Date, limit: number, types?: readonly string[]): Promise<PendingEvent[]>;
  /** Claims an event: moves `dueAt` from the read value to `until`; false if another relay was faster, or it was delivered. */
  claim(id: string, seen: Date, until: Date): Promise<boolean>;
  /** Marks it delivered. Only for the holder of the claim that expires at `claimedUntil`. */
  settle(id: string, claimedUntil: Date): Promise<boolean>;
  /** Releases the claim: tried again at `dueAt`, without the finished handlers. */
  postpone(
    id: string,
    claimedUntil: Date,
    next: Pick<PendingEvent, 'dueAt' | 'attempts' | 'handled'>,
  ): Promise<boolean>;
  /** The newest first by id, older than the event `before` (null: from the newest on), after the first `skip` (0) of them. */
  list(filter: EventFilter, page: { before: string | null; skip?: number; limit: number }): Promise<EventRecord[]>;
  /** The number of events, counted up to `limit`. */
  count(filter: EventFilter, limit: number): Promise<number>;
  find(id: string): Promise<EventRecord | null>;
  /** What happened after the event `after`, or after the times of which it is the least id: the oldest first by id. */
  listAfter(after: string, limit: number): Promise<CommittedEvent[]>;
  /**
   * Writes an event without a changed record, as number `seq` of its target; false if there already is one. For events that
   * are recorded once, by the first instance that notices.
   */
  record(event: EventDraft, seq: number): Promise<boolean>;
  /** Deletes at most `limit` delivered events from before then, of this type (or `stem.*`) or of all; returns the number. */
  purge(filter: { before: Date; type?: string }, limit: number): Promise<number>;
  /** All events of a target in order. */
  listForTarget(target: string): Promise<EventRecord[]>;
  /**
   * Anonymises the events of an erased user. Of the data of their events (and of those of their registration)
   * only `reason` stays; addresses of the user and of strangers are removed, also from events of others. Type, target, actor
   * and time stay, and so does the delivery state. Safe to run twice. On MongoDB, events still in their documents are not seen.
   */
  anonymise(userId: string): Promise<void>;
  /** The feed after `position`, in order; at most `limit`. */
  evictionsAfter(position: number, limit: number): Promise<Eviction[]>;
  /** Deletes the feed up to and including `position`. */
  forgetEvictions(position: number): Promise<void>;
  /**
   * Moves events that a killed process left between a change and its event (MongoDB: events still in their documents).
   * On SQL both are one transaction, and there is nothing to do. Returns the number.
   */
  sweep(): Promise<number>;
}
