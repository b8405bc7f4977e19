import { setTimeout as pause } from 'node:timers/promises';
import { type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { SECOND } from '../clock.ts';
import type { RedisClient, RedisConnections } from '../redis/connect.ts';
import type { Logger } from '../telemetry/log.ts';
import { createOutageLog } from '../telemetry/outage-log.ts';
import { type JobData, toRecord } from './bullmq-records.ts';
import type { createCancelledJobs } from './cancelled-jobs.ts';
import type { JobDefinition } from './define-job.ts';
import { createFailureLog } from './failure-log.ts';
import type { JobRegistry } from './job-registry.ts';
import { type AttemptOutcome, DEATHS, JOBS_KEPT } from './queue.ts';
import { type Attempt, startAttempt } from './run-attempt.ts';

/** Lifetime of a lock, extended at half of it. With this interval of checks, the job of an expired lock waits again within 15 s. */
const LOCK = 8 * SECOND;
const STALLED_EVERY = 4 * SECOND;
const REPORT_EVERY = 500;
const ENDED_EVERY = 20;
/** After an answer that Redis refuses, such as one without the rights for it or without memory left: the loop of a worker has no pause of its own. */
const PAUSE_AFTER_REFUSAL = 1 * SECOND;
/** How long a start waits for the subscription to cancellations. */
const HEARING = 2 * SECOND;
/** After the grace of `stop`: jobs whose handlers ignore their signal, or whose Redis is away, are left to the next process. */
const FORCE_AFTER = 7 * SECOND;

/** The failure of an attempt, for BullMQ, with the stack of the handler. */
class AttemptFailed extends Error {
  readonly retryAfter: number;

  constructor({ failure, retryAfter = 0 }: AttemptOutcome) {
    super(failure?.message ?? 'The attempt failed.');
    this.stack = failure?.stack ?? undefined;
    this.retryAfter = retryAfter;
  }
}

/** The workers of this process: one for each kind of job. */
export function createBullmqWorkers(deps: {
  redis: RedisConnections;
  registry: JobRegistry;
  cancelled: ReturnType<typeof createCancelledJobs>;
  onEnded: (id: string) => Promise<void>;
  /** Whether jobs of this name must wait, although Redis gave one out. */
  holds: (name: string) => Promise<boolean>;
  prefix: string;
  log: Logger;
}) {
  const { redis, registry, cancelled, onEnded, holds, prefix, log } = deps;
  const channel = `${prefix}:cancel`;
  const tell = createFailureLog(log);
  const outage = createOutageLog(log, 'taking jobs from Redis');
  const askedKey = (name: string, id: string) => `${prefix}:${name}:cancel-asked:${id}`;
  /** Entries drop their attempts at the end: the map's old tables, which live long, would keep them in memory. */
  const running = new Map<string, { attempt: Attempt | null }>();
  const workers: Worker<JobData>[] = [];
  const connections: RedisClient[] = [];
  let ended = 0;
  let starting: Promise<void> | null = null;

  async function process(definition: JobDefinition, job: Job<JobData>, token: string | undefined): Promise<unknown> {
    if (await holds(definition.name)) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    const id = job.id ?? '';
    const report = createReport(job);
    const attempt = startAttempt(definition, toRecord(job, 'active', []), () => report.changed(attempt));
    const entry: { attempt: Attempt | null } = { attempt };
    running.set(id, entry);
    try {
      const outcome = await attempt.outcome;
      tell({ id, name: definition.name }, outcome);
      await report.end(attempt);
      return await conclude(job, await asAsked(job, outcome), token);
    } finally {
      running.delete(id);
      entry.attempt = null;
      ended++;
    }
  }

  /** A job that would be tried again is not, if it was asked to be cancelled. */
  async function asAsked(job: Job<JobData>, outcome: AttemptOutcome): Promise<AttemptOutcome> {
    const { retryAfter, ...last } = outcome;
    return retryAfter !== undefined && (await isAskedToCancel(job)) ? last : outcome;
  }

  async function conclude(job: Job<JobData>, outcome: AttemptOutcome, token: string | undefined): Promise<unknown> {
    if (outcome.state === 'returned') {
      // With a lost lock there is nothing to give back.
      await job.moveToWait(token).catch(() => {});
      throw new WaitingError();
    }
    const failed = new AttemptFailed(outcome);
    if (outcome.retryAfter !== undefined) throw failed;
    // Before Redis knows of it: what Redis says alone ends no promise.
    await endPromise(job);
    if (outcome.state === 'completed') return outcome.result;
    const last = new UnrecoverableError(failed.message);
    last.stack = failed.stack;
    throw last;
  }

  const isAskedToCancel = async ({ name, id = '' }: Job<JobData>) =>
    (await redis.commands.exists(askedKey(name, id)).catch(() => 0)) === 1;

  /** A job that failed because it was cancelled is shown as cancelled. */
  async function afterFailure(job: Job<JobData>): Promise<void> {
    if (job.finishedOn === undefined || !(await isAskedToCancel(job))) return;
    await cancelled.add(toRecord(job, 'cancelled', []));
    await job.remove();
  }

  async function endPromise({ id = '', data }: Job<JobData>): Promise<void> {
    if (data.promised) await onEnded(id);
  }

  class CalmWorker extends Worker<JobData> {
    protected override async moveToActive(token: string, name?: string) {
      try {
        const job = await super.moveToActive(token, name);
        outage.worked();
        return job;
      } catch (error) {
        await this.delay(PAUSE_AFTER_REFUSAL);
        throw error;
      }
    }
  }

  async function open(name: string): Promise<void> {
    const definition = registry.find(name);
    if (!definition) return;
    const connection = redis.patient();
    connections.push(connection);
    const worker = new CalmWorker(name, (job, token) => process(definition, job, token), {
      connection,
      prefix,
      concurrency: definition.concurrency,
      lockDuration: LOCK,
      stalledInterval: STALLED_EVERY,
      maxStalledCount: DEATHS,
      removeOnComplete: { age: JOBS_KEPT.completed / SECOND },
      removeOnFail: { age: JOBS_KEPT.failed / SECOND },
      settings: {
        backoffStrategy: (_made, _type, error) => (error instanceof AttemptFailed ? error.retryAfter : 0),
      },
    });
    worker.on('error', (error) => {
      // Whoever keeps the connection tells that Redis is away.
      if (error.name === 'ReplyError') outage.failed(error);
      else log.debug({ err: error, job: name }, 'a worker had an error');
    });
    worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) running.get(id)?.attempt?.abort('lost');
    });
    worker.on('failed', (job) => {
      // Also of a job whose workers died.
      if (job?.finishedOn !== undefined) void endPromise(job);
      if (job)
        afterFailure(job).catch((error) =>
          log.warn({ err: error, jobId: job.id }, 'a cancelled job is shown as failed'),
        );
    });
    workers.push(worker);
  }

  async function allEnded(): Promise<void> {
    while (running.size > 0) await pause(ENDED_EVERY);
  }

  async function listen(): Promise<void> {
    const connection = redis.patient();
    connections.push(connection);
    connection.on('message', (_channel, id) => running.get(id)?.attempt?.abort('cancelled'));
    // While Redis is away this waits without limit: a start that waited for it would serve no request and ignore signals.
    const heard = connection.subscribe(channel).catch(() => {});
    await Promise.race([heard, pause(HEARING, undefined, { ref: false })]);
  }

  return {
    ended: () => ended,
    active: () => running.size,

    start(): Promise<void> {
      starting ??= Promise.all([...registry.names().map(open), listen()]).then(() => {});
      return starting.then(() => {
        for (const worker of workers) if (worker.isPaused()) void worker.resume();
      });
    },

    /** Takes no more jobs until the next start; resolves when the running ones have ended. */
    async rest(): Promise<void> {
      await Promise.all(workers.map((worker) => worker.pause()));
    },

    /** Notifies the process that runs the job; also stored, so that it is not tried again if the message is lost. */
    async askToCancel(name: string, id: string): Promise<void> {
      await redis.commands.set(askedKey(name, id), '1', 'PX', JOBS_KEPT.cancelled);
      await redis.commands.publish(channel, id);
    },

    isAskedToCancel,

    async forgetCancel(name: string, id: string): Promise<void> {
      await redis.commands.del(askedKey(name, id));
    },

    async stop(grace: number): Promise<void> {
      const abort = setTimeout(() => {
        for (const { attempt } of running.values()) attempt?.abort('stopping');
      }, grace);
      const late = pause(grace + FORCE_AFTER, undefined, { ref: false });
      // A closing worker waits without limit for a Redis that is away, unless its first close says not to.
      const isAway = connections.some(({ status }) => status !== 'ready');
      if (isAway) await Promise.race([late, allEnded()]);
      await Promise.race([late, Promise.allSettled(workers.map((worker) => worker.close(isAway)))]);
      clearTimeout(abort);
      for (const connection of connections) connection.disconnect();
    },
  };
}

/** Writes progress and lines of one attempt, not more often than people can read them. */
function createReport(job: Job<JobData>) {
  let timer: NodeJS.Timeout | undefined;
  let lines = 0;
  let writing: Promise<void> = Promise.resolve();

  /** One after the other, to keep the order of lines. Never rejects. */
  function write(attempt: Attempt): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(() => writeFresh(attempt)).catch(() => {});
    return writing;
  }

  async function writeFresh({ shown }: Attempt): Promise<void> {
    const fresh = shown.log.slice(Math.max(0, shown.log.length - (shown.lines - lines)));
    lines = shown.lines;
    if (shown.progress !== null && shown.progress !== job.progress) await job.updateProgress(shown.progress);
    for (const line of fresh) await job.log(line);
  }

  return {
    changed(attempt: Attempt): void {
      timer ??= setTimeout(() => void write(attempt), REPORT_EVERY);
    },
    end: write,
  };
}
