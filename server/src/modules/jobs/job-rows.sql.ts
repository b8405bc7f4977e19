import type { Insertable, Selectable } from 'kysely';
import {
  type BoolColumn,
  type NullableTimeColumn,
  type TimeColumn,
  toDate,
  toDateOrNull,
} from '../../platform/database/values.ts';
import type { JobRecord, JobState, NewJob } from '../../platform/queue/queue.ts';

export interface JobRow {
  id: string;
  name: string;
  args: string;
  /** `handed`: the job is in Redis, and kept here until it ends. */
  state: JobState | 'handed';
  priority: number;
  unique_key: string | null;
  /** Name and unique key until the job ends; a unique index admits one job for each. */
  unique_slot: string | null;
  attempts: number;
  retries: number;
  /** Number of expired claims: of processes that died or hung while running the job. */
  deaths: number;
  claim: string | null;
  cancel_requested: BoolColumn;
  progress: number | null;
  log: string;
  result: string | null;
  failure: string | null;
  created_at: TimeColumn;
  /** Since when it waits, when it may run, when its claim expires, or when to check on it in Redis; null when it has ended. */
  due_at: NullableTimeColumn;
  started_at: NullableTimeColumn;
  finished_at: NullableTimeColumn;
}

export interface JobTables {
  jobs: JobRow;
  paused_queues: { name: string };
}

/** Unambiguous, because names contain no spaces. */
export const slotOf = (name: string, uniqueKey: string): string => `${name} ${uniqueKey}`;

export function newRow({ id, name, args, priority, uniqueKey, retries, createdAt, runAt }: NewJob): Insertable<JobRow> {
  return {
    id,
    name,
    priority,
    retries,
    args: JSON.stringify(args),
    state: runAt === null ? 'waiting' : 'delayed',
    unique_key: uniqueKey,
    unique_slot: uniqueKey === null ? null : slotOf(name, uniqueKey),
    attempts: 0,
    deaths: 0,
    claim: null,
    cancel_requested: false,
    progress: null,
    log: '[]',
    result: null,
    failure: null,
    created_at: createdAt,
    due_at: runAt ?? createdAt,
    started_at: null,
    finished_at: null,
  };
}

export function toRecord(row: Selectable<JobRow>): JobRecord {
  const { id, name, priority, attempts, retries, progress } = row;
  const state = row.state === 'handed' ? 'waiting' : row.state;
  return {
    id,
    name,
    state,
    priority,
    attempts,
    retries,
    progress,
    args: JSON.parse(row.args),
    uniqueKey: row.unique_key,
    log: JSON.parse(row.log),
    result: row.result === null ? null : JSON.parse(row.result),
    failure: row.failure === null ? null : JSON.parse(row.failure),
    createdAt: toDate(row.created_at),
    runAt: state === 'delayed' ? toDateOrNull(row.due_at) : null,
    startedAt: toDateOrNull(row.started_at),
    finishedAt: toDateOrNull(row.finished_at),
  };
}

/** A job as it was enqueued. */
export function toNewJob(row: Selectable<JobRow>): NewJob {
  const { id, name, priority, retries } = row;
  const createdAt = toDate(row.created_at);
  return {
    id,
    name,
    priority,
    retries,
    createdAt,
    args: JSON.parse(row.args),
    uniqueKey: row.unique_key,
    runAt: row.state === 'delayed' ? toDateOrNull(row.due_at) : null,
    promised: true,
  };
}

/** An ended job frees its unique key. */
export const ended = (state: JobState, now: Date) => ({ state, due_at: null, finished_at: now, unique_slot: null });
