import type { EventDraft } from '../events/event-store.ts';
import type { SolarEvent } from './timing.ts';

/** When a schedule ticks. */
export type Timing =
  | { kind: 'interval'; everySeconds: number }
  | { kind: 'cron'; expression: string; timeZone: string }
  | { kind: 'solar'; event: SolarEvent; latitude: number; longitude: number };

/** A job that is enqueued repeatedly. */
export interface ScheduleRecord {
  id: string;
  /** Unique. */
  name: string;
  job: string;
  args: unknown;
  timing: Timing;
  /** Options of its jobs; null: the defaults of the job. */
  options: { priority: number; retries: number | null };
  /** What happens with missed ticks. */
  missed: 'skip' | 'runOnce';
  enabled: boolean;
  /** No tick before it. */
  startAt: Date | null;
  /** No tick after it. */
  endAt: Date | null;
  /** Defined in the code, which decides on everything but `enabled`; or by an administrator. */
  origin: 'code' | 'admin';
  /** Null: no further run, or not enabled. */
  nextRunAt: Date | null;
  /** The latest tick for which it ran. */
  lastRunAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  /** Incremented by every change of what it says, not by ticks and requested runs. */
  revision: number;
  /** Incremented by every change, also by a tick; a verb that names an older version loses. */
  version: number;
}

export type ScheduleChange = 'ok' | 'lost' | 'name_taken';

export type SchedulePatch = Partial<Omit<ScheduleRecord, 'id' | 'createdAt' | 'updatedAt' | 'version'>>;

/** Every verb that carries an event writes it and the change in one atomic step, and sets `version` to one more. */
export interface ScheduleStore {
  insert(schedule: ScheduleRecord, event: EventDraft): Promise<ScheduleChange>;
  find(id: string): Promise<ScheduleRecord | null>;
  /** All, by name. */
  list(): Promise<ScheduleRecord[]>;
  /** A change, or a tick: of all instances that see a tick, one writes `nextRunAt` and the event. */
  patch(
    at: { id: string; version: number; now: Date },
    patch: SchedulePatch,
    event: EventDraft,
  ): Promise<ScheduleChange>;
  remove(at: { id: string; version: number; now: Date }, event: EventDraft): Promise<ScheduleChange>;
  /** Schedules of these jobs whose tick is due, or that were last changed after `future`, which means under a clock that was ahead. */
  due(now: Date, future: Date, jobs: readonly string[]): Promise<ScheduleRecord[]>;
  /** The time of the next tick of these jobs. */
  nextDueAt(jobs: readonly string[]): Promise<Date | null>;
}
