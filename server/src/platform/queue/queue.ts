import { DAY } from '../clock.ts';

/**
 * The state of a job: `waiting` for a free worker, `delayed` until a time (also before the next attempt), `active` in a worker, or ended:
 * `completed`, `failed` after its last attempt (the dead letters), `cancelled`.
 */
export type JobState = 'waiting' | 'delayed' | 'active' | 'completed' | 'failed' | 'cancelled';

export const JOB_STATES: readonly JobState[] = ['waiting', 'delayed', 'active', 'completed', 'failed', 'cancelled'];

/** Milliseconds for which a job is kept after its end, in every adapter. */
export const JOBS_KEPT = { completed: 1 * DAY, cancelled: 1 * DAY, failed: 30 * DAY };

/** Number of processes that may die during one job before the job counts as the cause. */
export const DEATHS = 25;

export interface JobFailure {
  message: string;
  stack: string | null;
}

/** A job as it is shown, in every adapter. */
export interface JobRecord {
  id: string;
  /** The name of its kind, and of the queue. */
  name: string;
  args: unknown;
  state: JobState;
  /** Its record in Redis is gone or damaged: nothing but id, name and state is known, and it can only be removed. */
  unreadable?: true;
  /** 0, the default, runs first; larger numbers run later. */
  priority: number;
  /** While a job with this key waits or runs, no other of its name is accepted. */
  uniqueKey: string | null;
  /** Number of ended attempts. */
  attempts: number;
  /** Maximum number of attempts after the first. */
  retries: number;
  progress: number | null;
  log: string[];
  result: unknown;
  /** Of the latest failed attempt. */
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
  /** Refuses a second job of its name while one with this key waits or runs. */
  unique?: string;
  /** Milliseconds. */
  delay?: number;
  /** 0 (first) to 1000. */
  priority?: number;
  /** Instead of the definition's. */
  retries?: number;
  /** Keeps the job in the database until it ends, so that it survives a loss of all data in Redis: for jobs that follow from an event. */
  promised?: boolean;
}

/** A job to be enqueued. */
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
  /** Jobs completed in the last minute and hour, and jobs that failed their last attempt in the last hour. */
  throughput: { lastMinute: number; lastHour: number; failedLastHour: number };
  /** Durations of the latest completed jobs (at most 100), in milliseconds; null if there are none. */
  durations: { average: number; p95: number } | null;
  /** Since when the first waiting job waits. */
  oldestWaitingAt: Date | null;
}

/**
 * The result of one attempt: beside the end states, `returned` gives the job back unchanged, because the process stops or has lost it; a
 * failed attempt with `retryAfter` (milliseconds) is followed by another.
 */
export interface AttemptOutcome {
  state: 'completed' | 'failed' | 'cancelled' | 'returned';
  result?: unknown;
  failure?: JobFailure;
  retryAfter?: number;
  /** Why it was refused for now, if it was: told once for each reason. */
  deferredFor?: string;
}

/** The port of the table (`modules/jobs/table-queue.ts`) and of Redis (`bullmq-queue.ts`). */
export interface JobQueue {
  /** Resolves with the id when the job is stored; if another job has its unique key, with the id of that one. */
  add(job: NewJob): Promise<string>;
  find(id: string): Promise<JobRecord | null>;
  /** The latest created first. */
  list(filter: JobFilter, page: { skip: number; limit: number }): Promise<JobRecord[]>;
  /** Counted up to `limit`. */
  count(filter: JobFilter, limit: number): Promise<number>;
  /** Enqueues a failed or cancelled job again, with all its attempts; false for any other. */
  retry(id: string): Promise<boolean>;
  /** A waiting job never runs; a running one is notified by its signal, and not tried again. False if it has ended. */
  cancel(id: string): Promise<boolean>;
  /** Deletes a job that is not active, or cannot be read; false for an active one. */
  remove(id: string): Promise<boolean>;
  status(name: string): Promise<QueueStatus>;
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /** Number of running attempts in this process. */
  activeHere(): number;
  /** Starts to run waiting jobs of every registered kind. */
  start(): Promise<void>;
  /** Runs due jobs until there are none; returns the number of ended attempts. For tests and maintenance. */
  drain(): Promise<number>;
  /** Takes no more jobs, lets running ones finish for `grace` milliseconds, then aborts them and enqueues them again. */
  stop(grace: number): Promise<void>;
}
