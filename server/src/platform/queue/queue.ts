import { DAY } from '../clock.ts';

/**
 * Where a job is: `waiting` for a free worker, `delayed` until a time (also before the next attempt), `active` in a worker, or at its end:
 * `completed`, `failed` after its last attempt (the dead letters), `cancelled`.
 */
export type JobState = 'waiting' | 'delayed' | 'active' | 'completed' | 'failed' | 'cancelled';

export const JOB_STATES: readonly JobState[] = ['waiting', 'delayed', 'active', 'completed', 'failed', 'cancelled'];

/** How long a job is kept after its end, whichever adapter has it. Milliseconds. */
export const JOBS_KEPT = { completed: 1 * DAY, cancelled: 1 * DAY, failed: 30 * DAY };

/** Processes that may die over one job before it is taken for their murderer. */
export const DEATHS = 25;

export interface JobFailure {
  message: string;
  stack: string | null;
}

/** A job as it is shown, whichever adapter keeps it. */
export interface JobRecord {
  id: string;
  /** The name of its kind, and of the queue. */
  name: string;
  args: unknown;
  state: JobState;
  /** 0, the default, comes first; the larger the later. */
  priority: number;
  /** While a job with this key waits or runs, no other of its name is taken. */
  uniqueKey: string | null;
  /** Attempts that ended. */
  attempts: number;
  /** Further attempts that the first may be followed by. */
  retries: number;
  progress: number | null;
  log: string[];
  result: unknown;
  /** Of the latest attempt that failed. */
  failure: JobFailure | null;
  createdAt: Date;
  /** When it may run, while it is delayed. */
  runAt: Date | null;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export interface EnqueueOptions {
  /** An idempotency key: of all jobs of a name that are enqueued with it, one exists, for as long as it is kept after its end. */
  key?: string;
  /** Only while no other of its name with this key waits or runs. */
  unique?: string;
  /** Milliseconds. */
  delay?: number;
  /** 0 (first) to 1000. */
  priority?: number;
  /** Instead of the definition's. */
  retries?: number;
  /** Something else depends on it, such as an event: it is kept in the database until it ends, so that it survives a Redis that loses all. */
  promised?: boolean;
}

/** A job on its way in. */
export interface NewJob {
  id: string;
  name: string;
  args: unknown;
  priority: number;
  uniqueKey: string | null;
  retries: number;
  createdAt: Date;
  /** Null: at once. */
  runAt: Date | null;
  promised: boolean;
}

export interface JobFilter {
  name?: string;
  state?: JobState;
}

export interface QueueStatus {
  name: string;
  paused: boolean;
  counts: Record<JobState, number>;
  /** Completed in the last minute and hour, and failed for good in the last hour. */
  throughput: { lastMinute: number; lastHour: number; failedLastHour: number };
  /** How long the latest completed jobs (100 at most) took, in milliseconds; null where there are none. */
  durations: { average: number; p95: number } | null;
  /** Since when the first in line waits. */
  oldestWaitingAt: Date | null;
}

/**
 * What became of one attempt: besides the ends, `returned` gives the job back as it was, because the process stops or has lost it; a
 * failed one with `retryAfter` (milliseconds) is followed by another.
 */
export interface AttemptOutcome {
  state: 'completed' | 'failed' | 'cancelled' | 'returned';
  result?: unknown;
  failure?: JobFailure;
  retryAfter?: number;
}

/** The port that the table (`modules/jobs/table-queue.ts`) and Redis (`bullmq-queue.ts`) serve. */
export interface JobQueue {
  /** The id of the job: of this one or, where its unique key was there before, of that one. Resolves when it is kept. */
  add(job: NewJob): Promise<string>;
  find(id: string): Promise<JobRecord | null>;
  /** The latest created first. */
  list(filter: JobFilter, page: { skip: number; limit: number }): Promise<JobRecord[]>;
  /** Counted no further than `limit`. */
  count(filter: JobFilter, limit: number): Promise<number>;
  /** Puts a failed or cancelled job in line again, with all its attempts; false for any other. */
  retry(id: string): Promise<boolean>;
  /** What waits never runs; what runs is told by its signal, and is not tried again. False where it has ended. */
  cancel(id: string): Promise<boolean>;
  /** Forgets a job that is not active; false for one that is. */
  remove(id: string): Promise<boolean>;
  status(name: string): Promise<QueueStatus>;
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /** Attempts under way in this process. */
  activeHere(): number;
  /** Takes what is in line from now on, for every job that was registered. */
  start(): Promise<void>;
  /** Runs whatever is due, until nothing is; answers how many attempts ended. For tests and maintenance. */
  drain(): Promise<number>;
  /** Takes no more, lets what runs finish for `grace` milliseconds, then aborts it and puts it back in line. */
  stop(grace: number): Promise<void>;
}
