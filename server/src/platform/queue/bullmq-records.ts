import type { Job, JobType } from 'bullmq';
import type { JobRecord, JobState, NewJob } from './queue.ts';

/** Our data in a BullMQ job, beside BullMQ's own. */
export interface JobData {
  args: unknown;
  promised?: true;
}

/** BullMQ's lists for each of our states; `cancelled` has a list of its own. */
export const LISTS: Record<Exclude<JobState, 'cancelled'>, JobType[]> = {
  waiting: ['waiting', 'prioritized'],
  delayed: ['delayed'],
  active: ['active'],
  completed: ['completed'],
  failed: ['failed'],
};

/** A BullMQ job, with its list and its log lines, which only its queue knows. */
export function toRecord(job: Job<JobData>, state: JobState, log: string[]): JobRecord {
  const { id = '', name, data, opts, attemptsMade, processedOn, finishedOn, failedReason, stacktrace } = job;
  return {
    id,
    name,
    state,
    log,
    args: data.args,
    priority: opts.priority ?? 0,
    uniqueKey: opts.deduplication?.id ?? null,
    attempts: attemptsMade,
    retries: (opts.attempts ?? 1) - 1,
    progress: typeof job.progress === 'number' && job.progress > 0 ? job.progress : null,
    result: job.returnvalue ?? null,
    failure: failedReason ? { message: failedReason, stack: stacktrace?.at(-1) ?? null } : null,
    createdAt: new Date(job.timestamp),
    runAt: state === 'delayed' ? new Date(job.timestamp + (job.delay ?? 0)) : null,
    startedAt: processedOn === undefined ? null : new Date(processedOn),
    finishedAt: finishedOn === undefined ? null : new Date(finishedOn),
  };
}

export function dataOf({ args, promised }: NewJob): JobData {
  return { args, ...(promised && { promised }) };
}

/** The BullMQ options of a job. */
export function optionsOf({ id, priority, uniqueKey, retries, createdAt, runAt }: NewJob) {
  return {
    jobId: id,
    timestamp: createdAt.getTime(),
    attempts: retries + 1,
    backoff: { type: 'ours' },
    ...(priority > 0 && { priority }),
    ...(runAt && { delay: runAt.getTime() - createdAt.getTime() }),
    ...(uniqueKey !== null && { deduplication: { id: uniqueKey } }),
  };
}

/** Records of cancelled jobs are stored as JSON; null for anything else. */
export function parseRecord(text: string): JobRecord | null {
  try {
    const record = JSON.parse(text, (key, value) =>
      /^(created|run|started|finished)At$/.test(key) && value ? new Date(value) : value,
    );
    return record?.createdAt instanceof Date && Array.isArray(record.log) ? record : null;
  } catch {
    return null;
  }
}
