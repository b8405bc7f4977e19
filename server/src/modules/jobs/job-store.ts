import type { JobFailure, JobFilter, JobRecord, JobState, NewJob } from '../../platform/queue/queue.ts';

/** The right to settle a job; a later claim replaces it. */
export interface Claim {
  id: string;
  claim: string;
}

/** An attempt that ended. */
export interface Settlement extends Claim {
  state: Exclude<JobState, 'active'>;
  /** Number of ended attempts, including this one. */
  attempts: number;
  progress: number | null;
  log: string[];
  /** Undefined if there is none. */
  result?: unknown;
  failure: JobFailure | null;
  /** If `state` is `delayed`: when it may run again. If it is `waiting`: its place in the queue (null: the end). */
  runAt: Date | null;
}

/** Jobs in the database: all of them without Redis; with Redis, copies of the promised ones. */
export interface JobStore {
  /** False if a job has this id, or if an unfinished job has its unique key. */
  insert(job: NewJob): Promise<boolean>;
  find(id: string): Promise<JobRecord | null>;
  findUnique(name: string, uniqueKey: string): Promise<JobRecord | null>;
  /** The latest created first. */
  list(filter: JobFilter, page: { skip: number; limit: number }): Promise<JobRecord[]>;
  count(filter: JobFilter, limit: number): Promise<number>;
  /**
   * Claims up to `limit` waiting jobs of a name, by priority, then the longest waiting first. They are active until the claim expires at
   * `until`, and no other caller gets them. Jobs of a paused queue are not claimed.
   */
  claim(name: string, limit: number, at: { claim: string; now: Date; until: Date }): Promise<JobRecord[]>;
  /** Extends claims until then. Returns the ids of jobs whose claim was lost, and of jobs whose cancellation was requested. */
  renew(claims: readonly Claim[], until: Date): Promise<{ lost: string[]; cancelled: string[] }>;
  /**
   * Stores the outcomes of attempts; returns the ids of jobs whose claim was lost, which stay unchanged. A job that would continue is
   * cancelled instead if that was requested while it ran.
   */
  settle(settlements: readonly Settlement[], now: Date): Promise<string[]>;
  /** Stores the progress of active jobs. */
  report(id: string, claim: string, shown: { progress: number | null; log: string[] }): Promise<void>;
  /**
   * Makes due jobs waiting: delayed ones whose time has come, ones that were handed to a Redis that is no longer used, and active ones
   * whose claim expired; of the latter, those that have lost `deaths` claims fail instead. Returns the names of jobs that now wait.
   */
  promote(now: Date, deaths: number): Promise<string[]>;
  /** The time when `promote` next has something to do. */
  nextDueAt(): Promise<Date | null>;
  /** Enqueues a failed or cancelled job again, with all its attempts. Also false while another job has its unique key. */
  retry(id: string, now: Date): Promise<boolean>;
  /** Ends a waiting job; requests the end of an active one. False if it has ended. */
  cancel(id: string, now: Date): Promise<boolean>;
  /** Deletes a job; false if it is unknown or active. */
  remove(id: string): Promise<boolean>;
  counts(name: string): Promise<Record<JobState, number>>;
  /** The number of jobs that ended in this state since then. */
  countEnded(name: string, state: JobState, since: Date): Promise<number>;
  /** The start and end of the latest completed jobs, the latest first. */
  durations(name: string, limit: number): Promise<Pick<JobRecord, 'startedAt' | 'finishedAt'>[]>;
  oldestWaitingAt(name: string): Promise<Date | null>;
  setPaused(name: string, paused: boolean): Promise<void>;
  isPaused(name: string): Promise<boolean>;
  /** Stores a copy of a job that is handed to Redis, to be checked at `lookAt`; does nothing if there is one already. */
  hand(job: NewJob, lookAt: Date): Promise<void>;
  /** The jobs to check now: handed ones, and ones that were enqueued here before Redis was used. */
  handed(now: Date, limit: number): Promise<NewJob[]>;
  /** Sets the time of the next check; the jobs count as handed. */
  lookAgain(ids: readonly string[], lookAt: Date): Promise<void>;
  /** Deletes copies of jobs that have ended in Redis. */
  forget(ids: readonly string[]): Promise<void>;
  /** Deletes at most `limit` jobs that ended in this state before then; returns the number. */
  purge(state: JobState, before: Date, limit: number): Promise<number>;
}
