import type { Device } from '../../platform/http/device.ts';

/** What happened, once and for all: the audit trail, and what mails, counters and pushes follow from. Holds no secret. */
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
  /** In whose own history it appears, if in anybody's. */
  userId: string | null;
  /** Who did it; null for the system and for strangers. */
  actorId: string | null;
  at: Date;
  ip: string | null;
  requestId: string | null;
  device: Device | null;
  data: Record<string, unknown>;
}

/** An event on its way into a verb, which gives it its `seq`. */
export interface EventDraft extends Omit<EventRecord, 'seq'> {
  /** Somebody handles this type: the relay must deliver it. */
  pending: boolean;
  /** What instances remember of the target is no longer true. */
  evicts: boolean;
}

/** An event that waits for its handlers. */
export interface PendingEvent extends EventRecord {
  /** When it may next be claimed; while a relay works on it, when that relay's claim runs out. */
  dueAt: Date;
  /** Deliveries that failed. */
  attempts: number;
  /** Handlers that are done with it. */
  handled: string[];
}

/** A target that changed, on the feed that keeps the memories of all instances true. */
export interface Eviction {
  /** Grows in the order of insertion; a smaller one may still appear for as long as a transaction lasts. */
  position: number;
  target: string;
}

/** What a list of events is narrowed to: whatever is named must hold. */
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
   * Undelivered events that may be claimed at `now`, for each target only its earliest undelivered one. With `types`, only of those: the
   * others wait for an instance that knows what to do with them.
   */
  due(now: Date, limit: number, types?: readonly string[]): Promise<PendingEvent[]>;
  /** Moves `dueAt` from what was seen to `until`; false where another relay was faster, or it was delivered. */
  claim(id: string, seen: Date, until: Date): Promise<boolean>;
  /** Delivered. Only the holder of the claim that runs until `claimedUntil` may say so. */
  settle(id: string, claimedUntil: Date): Promise<boolean>;
  /** Gives the claim back: to be tried again at `dueAt`, without the handlers that are done. */
  postpone(
    id: string,
    claimedUntil: Date,
    next: Pick<PendingEvent, 'dueAt' | 'attempts' | 'handled'>,
  ): Promise<boolean>;
  /** The newest first by id, older than the event `before` (null: from the newest on), after the first `skip` (0) of them. */
  list(filter: EventFilter, page: { before: string | null; skip?: number; limit: number }): Promise<EventRecord[]>;
  /** How many there are, counted no further than `limit`. */
  count(filter: EventFilter, limit: number): Promise<number>;
  find(id: string): Promise<EventRecord | null>;
  /**
   * Writes an event that no record changed with, as the `seq`th of its target; false where there is one already. For what is told
   * once, whoever notices it first.
   */
  record(event: EventDraft, seq: number): Promise<boolean>;
  /** Forgets at most `limit` delivered events from before then, of this type (or `stem.*`) or of all; answers how many. */
  purge(filter: { before: Date; type?: string }, limit: number): Promise<number>;
  /** All events of a target in order. */
  listForTarget(target: string): Promise<EventRecord[]>;
  /**
   * Takes an erased user out of the history. Of the data of the events that are theirs (and of the registration that they come from)
   * only `reason` stays; from where they or strangers acted goes, also from the events of others. That it happened, to what, by whom
   * and when stays, and so does what the relay knows of it. Safe to run twice. On MongoDB, events that are not home yet are not seen.
   */
  anonymise(userId: string): Promise<void>;
  /** The feed after `position`, in order; at most `limit`. */
  evictionsAfter(position: number, limit: number): Promise<Eviction[]>;
  /** Forgets the feed up to and including `position`. */
  forgetEvictions(position: number): Promise<void>;
  /**
   * Brings home what a killed process left between a change and its event (MongoDB: events that still ride in their documents).
   * Where both are one transaction there is nothing to do. Answers how many.
   */
  sweep(): Promise<number>;
}
