import { type Static, Type } from 'typebox';
import { listQuery } from '../../platform/http/paging.ts';
import { nullable, timestamp } from '../../platform/http/schemas.ts';
import { JOB_STATES, type JobRecord, type QueueStatus } from '../../platform/queue/queue.ts';
import type { WorkerRecord } from './worker-store.ts';

const closed = { additionalProperties: false } as const;
const { page, pageSize } = listQuery;
const stateSchema = Type.Unsafe<(typeof JOB_STATES)[number]>({
  title: 'JobState',
  type: 'string',
  enum: [...JOB_STATES],
});

export const jobsQuery = Type.Object(
  {
    page,
    pageSize,
    queue: Type.Optional(Type.String({ minLength: 1, maxLength: 60, description: 'The name of the job.' })),
    state: Type.Optional(stateSchema),
  },
  closed,
);

export const jobParams = Type.Object({ id: Type.String({ maxLength: 100 }) }, closed);
export const queueParams = Type.Object({ name: Type.String({ maxLength: 100 }) }, closed);

/** Any JSON: the arguments or the result of a job. */
export const anyJson = (description: string) => Type.Unsafe<unknown>({ description });

export const jobSchema = Type.Object(
  {
    id: Type.String(),
    queue: Type.String({ description: 'The name of the job, and of its queue.' }),
    state: stateSchema,
    unreadable: Type.Optional(
      Type.Boolean({ description: 'Its record in Redis is gone or damaged: it can only be deleted.' }),
    ),
    args: anyJson('The arguments; never a secret.'),
    priority: Type.Integer({ description: '0 comes first.' }),
    uniqueKey: nullable(Type.String()),
    attempts: Type.Integer({ description: 'Number of ended attempts.' }),
    retries: Type.Integer({ description: 'Number of further attempts after the first.' }),
    progress: nullable(Type.Integer({ description: 'Percent.' })),
    log: Type.Array(Type.String()),
    result: anyJson('The return value.'),
    failure: nullable(
      Type.Object(
        { message: Type.String(), stack: nullable(Type.String()) },
        { title: 'JobFailure', description: 'The failure of the latest failed attempt.' },
      ),
    ),
    createdAt: timestamp(),
    runAt: nullable(timestamp({ description: 'When it may run, while it is delayed.' })),
    startedAt: nullable(timestamp()),
    finishedAt: nullable(timestamp()),
  },
  { title: 'Job' },
);

export function jobView({ name, ...job }: JobRecord): Static<typeof jobSchema> {
  return { ...job, queue: name };
}

const count = () => Type.Integer();

const queueSchema = Type.Object(
  {
    name: Type.String(),
    paused: Type.Boolean(),
    counts: Type.Object(
      {
        waiting: count(),
        delayed: count(),
        active: count(),
        completed: count(),
        failed: count(),
        cancelled: count(),
      },
      { title: 'QueueCounts' },
    ),
    throughput: Type.Object(
      { lastMinute: count(), lastHour: count(), failedLastHour: count() },
      { title: 'QueueThroughput' },
    ),
    durations: nullable(
      Type.Object(
        { averageMs: Type.Integer(), p95Ms: Type.Integer() },
        { title: 'QueueDurations', description: 'Of the latest completed jobs, at most 100.' },
      ),
    ),
    oldestWaitingAt: nullable(timestamp({ description: 'Since when the longest waiting job waits.' })),
    concurrency: Type.Integer({ description: 'Maximum number of concurrent attempts in one process.' }),
    retries: Type.Integer(),
    timeoutMs: Type.Integer(),
  },
  { title: 'Queue' },
);

export const queuesSchema = Type.Object(
  {
    items: Type.Array(queueSchema),
    workers: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          host: Type.String(),
          pid: Type.Integer(),
          startedAt: timestamp(),
          seenAt: timestamp(),
          active: Type.Integer({ description: 'Number of running attempts when it was last seen.' }),
          queues: Type.Array(Type.String()),
        },
        { title: 'Worker' },
      ),
      { description: 'The processes that take jobs, by their heartbeats.' },
    ),
  },
  { title: 'QueueList' },
);

export function queueView(
  { durations, ...status }: QueueStatus,
  { concurrency, retries, timeout }: { concurrency: number; retries: number; timeout: number },
): Static<typeof queueSchema> {
  return {
    ...status,
    durations: durations && { averageMs: durations.average, p95Ms: durations.p95 },
    concurrency,
    retries,
    timeoutMs: timeout,
  };
}

export function workerView({ names, ...worker }: WorkerRecord) {
  return { ...worker, queues: names };
}
