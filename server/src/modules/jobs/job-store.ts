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
  /** When it may run again, where `state` is `delayed`; its place in line, where it is `waiting` (null: at the end). */
  runAt: Date | null;
}

/** Jobs in the database, for deployments without Redis. */
export interface JobStore {
  /** False if a job has this id, or if an unfinished job has its unique key. */
  insert(job: NewJob): Promise<boolean>;
  find(id: string): Promise<JobRecord | null>;
  findUnique(name: string, uniqueKey: string): Promise<JobRecord | null>;
  /** The latest created first. */
  list(filter: JobFilter, page: { skip: number; limit: number }): Promise<JobRecord[]>;
  count(filter: JobFilter, limit: number): Promise<number>;
  /**
   * Takes up to `limit` waiting jobs of a name, by priority, then by the time since when they wait: they are active under the claim, which runs
   * out at `until`. Nobody else gets one of them. Jobs of a paused queue are not taken.
   */
  claim(name: string, limit: number, at: { claim: string; now: Date; until: Date }): Promise<JobRecord[]>;
  /** The claims go on until then. Answers those that are held no longer, and those whose jobs somebody wants to be cancelled. */
  renew(claims: readonly Claim[], until: Date): Promise<{ lost: string[]; cancelled: string[] }>;
  /**
   * Says what became of jobs; the ids of those for which the claim no longer held, and to which nothing happened. What would go on is
   * cancelled instead where somebody asked for that while it ran.
   */
  settle(settlements: readonly Settlement[], now: Date): Promise<string[]>;
  /** Stores the progress of active jobs. */
  report(id: string, claim: string, shown: { progress: number | null; log: string[] }): Promise<void>;
  /**
   * What is due stands in line: delayed jobs whose time has come, those that were handed to a Redis that is not in use any more, and active
   * ones whose claim ran out; of the latter, those that took `deaths` processes with them fail instead. Answers the names of the jobs that are now in line.
   */
  promote(now: Date, deaths: number): Promise<string[]>;
  /** The time when `promote` next has something to do. */
  nextDueAt(): Promise<Date | null>;
  /** Enqueues a failed or cancelled job again, with all its attempts. Also false while another job has its unique key. */
  retry(id: string, now: Date): Promise<boolean>;
  /** Ends a waiting job; requests the end of an active one. False if it has ended. */
  cancel(id: string, now: Date): Promise<boolean>;
  /** Not while it is active. */
  remove(id: string): Promise<boolean>;
  counts(name: string): Promise<Record<JobState, number>>;
  /** Of those that ended in this state since then. */
  countEnded(name: string, state: JobState, since: Date): Promise<number>;
  /** When the latest completed ones began and ended, the latest first. */
  durations(name: string, limit: number): Promise<Pick<JobRecord, 'startedAt' | 'finishedAt'>[]>;
  oldestWaitingAt(name: string): Promise<Date | null>;
  setPaused(name: string, paused: boolean): Promise<void>;
  isPaused(name: string): Promise<boolean>;
  /** Keeps a job that Redis carries, to be looked after at `lookAt`; nothing where it is kept already. */
  hand(job: NewJob, lookAt: Date): Promise<void>;
  /** What is to be looked after: handed jobs, and those that were put in line here before there was a Redis. */
  handed(now: Date, limit: number): Promise<NewJob[]>;
  /** They are to be looked after again then. */
  lookAgain(ids: readonly string[], lookAt: Date): Promise<void>;
  /** They have ended, or Redis carries them. */
  forget(ids: readonly string[]): Promise<void>;
  /** Deletes at most `limit` jobs that ended in this state before then; returns the number. */
  purge(state: JobState, before: Date, limit: number): Promise<number>;
}
