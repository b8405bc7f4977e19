import type { Static, TSchema } from 'typebox';
import { MINUTE, SECOND } from '../clock.ts';

/** The context of one attempt of a job. */
export interface JobContext {
  /** The same in every attempt, also after a crash: an idempotency key for calls to other systems. */
  id: string;
  /** 1 for the first one. */
  attempt: number;
  /** Aborts when the attempt takes too long, the job is cancelled, or the process stops. */
  signal: AbortSignal;
  /** Percent done, shown to administrators. */
  progress(percent: number): void;
  /** A line for administrators; the latest hundred are kept. No secrets. */
  log(line: string): void;
}

/** Milliseconds to wait after the first failure, doubled for each further one up to `max`. */
export interface Backoff {
  base: number;
  max: number;
}

/** A kind of job. Each has a queue of its own, of the same name. */
export interface JobDefinition<Schema extends TSchema = TSchema, Result = unknown> {
  name: string;
  /** The schema of its arguments, checked when it is enqueued and when it runs. Arguments are stored and shown: no secrets. */
  schema: Schema;
  /** Must be safe to run twice: if a process dies, another one runs the job. The result is stored as JSON. */
  run(args: Static<Schema>, context: JobContext): Promise<Result>;
  /** Further attempts after a failed first one. */
  retries: number;
  backoff: Backoff;
  /** Milliseconds that one attempt may take. */
  timeout: number;
  /** Maximum number of concurrent attempts in one process. */
  concurrency: number;
  /** Whether people may schedule it, with arguments and times of their choice. An internal job follows from events, or has its bounds there. */
  schedulable: boolean;
}

const NAME = /^[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*$/;
const NAME_LIMIT = 60;

const DEFAULTS = {
  retries: 5,
  backoff: { base: 1 * SECOND, max: 15 * MINUTE },
  timeout: 1 * MINUTE,
  concurrency: 10,
  schedulable: false,
};

/**
 * Defines a kind of job: `defineJob({ name: 'reports.make', schema, run })`. Defaults: 5 retries, backoff from 1 s to 15 min, 1 min per
 * attempt, 10 concurrent attempts, not schedulable by people. Throws a TypeError for a name that is not a dotted lower-case word, and for invalid numbers.
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
