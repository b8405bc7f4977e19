import type { Static, TSchema } from 'typebox';
import { MINUTE, SECOND } from '../clock.ts';

/** What one attempt of a job may use. */
export interface JobContext {
  /** The same in every attempt, also after a crash: an idempotency key for whatever the job does elsewhere. */
  id: string;
  /** 1 for the first one. */
  attempt: number;
  /** Aborts when the attempt takes too long, the job is cancelled, or the process stops. */
  signal: AbortSignal;
  /** Shown to administrators: percent done. */
  progress(percent: number): void;
  /** A line for administrators; the latest hundred are kept. No secrets. */
  log(line: string): void;
}

/** How long to wait after the first failure, doubling with each further one up to `max`. Milliseconds. */
export interface Backoff {
  base: number;
  max: number;
}

/** A kind of job. Each has a queue of its own, of the same name. */
export interface JobDefinition<Schema extends TSchema = TSchema, Result = unknown> {
  name: string;
  /** What its arguments are; checked when it is enqueued, and again when it runs. Arguments are kept and shown: no secrets. */
  schema: Schema;
  /** Must be safe to run twice: a process that dies leaves it to another one. What it answers is kept as JSON. */
  run(args: Static<Schema>, context: JobContext): Promise<Result>;
  /** Further attempts after the first failed. */
  retries: number;
  backoff: Backoff;
  /** Milliseconds that one attempt may take. */
  timeout: number;
  /** Attempts under way at a time in one process. */
  concurrency: number;
}

const NAME = /^[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*$/;
const NAME_LIMIT = 60;

const DEFAULTS = {
  retries: 5,
  backoff: { base: 1 * SECOND, max: 15 * MINUTE },
  timeout: 1 * MINUTE,
  concurrency: 10,
};

/**
 * Defines a kind of job; whatever is not said is 5 retries, backoff from 1 s to 15 min, 1 min for an attempt, 10 at a time.
 * Throws a TypeError for a name that is no dotted lower-case word, and for numbers that make no sense.
 */
export function defineJob<Schema extends TSchema, Result>(
  definition: Pick<JobDefinition<Schema, Result>, 'name' | 'schema' | 'run'> &
    Partial<Omit<JobDefinition<Schema, Result>, 'backoff'>> & { backoff?: Partial<Backoff> },
): JobDefinition<Schema, Result> {
  const backoff = { ...DEFAULTS.backoff, ...definition.backoff };
  const job = { ...DEFAULTS, ...definition, backoff };
  if (!NAME.test(job.name) || job.name.length > NAME_LIMIT) {
    throw new TypeError(`A job needs a name like mail.send, not ${JSON.stringify(job.name)}.`);
  }
  const counts = [job.retries, job.concurrency - 1];
  if (counts.some((count) => !Number.isInteger(count) || count < 0)) {
    throw new TypeError(`${job.name}: retries must be 0 or more, concurrency 1 or more.`);
  }
  if (!(job.timeout > 0) || !(backoff.base >= 0) || !(backoff.max >= backoff.base)) {
    throw new TypeError(
      `${job.name}: timeout and backoff must be milliseconds, and backoff.max no less than backoff.base.`,
    );
  }
  return job;
}
