import { MINUTE, SECOND } from '../clock.ts';
import { pauseAfter } from './backoff.ts';
import { faultsOf } from './check-args.ts';
import type { JobDefinition } from './define-job.ts';
import type { AttemptOutcome, JobFailure, JobRecord } from './queue.ts';

/** Thrown by a handler if a retry is useless. */
export class JobGivenUp extends Error {
  override readonly name = 'JobGivenUp';
}

/** Thrown by a handler whose work was refused, for a reason that may pass: retries make sense, but not soon unless it says so. */
export class JobDeferred extends Error {
  override readonly name = 'JobDeferred';
  /** Equal for failures that are told once. */
  readonly reason: string;
  readonly soon: boolean;

  constructor(message: string, reason: string, { soon = false }: { soon?: boolean } = {}) {
    super(message);
    this.reason = reason;
    this.soon = soon;
  }
}

/** The reason of an aborted signal. */
export class JobAborted extends Error {
  override readonly name = 'JobAborted';
  readonly why: 'timeout' | 'cancelled' | 'stopping' | 'lost';

  constructor(why: JobAborted['why'], message: string) {
    super(message);
    this.why = why;
  }
}

/** How long a handler may continue after its signal; then its attempt ends without it. */
const LINGER = 5 * SECOND;
/** Milliseconds before the first retry of what was deferred. */
const DEFERRED = 1 * MINUTE;
const RESULT_LIMIT = 65_536;
const LOG_LINES = 100;
const LINE_LIMIT = 1000;
const MESSAGE_LIMIT = 2000;
const STACK_LIMIT = 8000;

/** Progress and lines of an attempt so far. */
export interface Shown {
  progress: number | null;
  log: string[];
  /** Number of lines of this attempt, including dropped ones. */
  lines: number;
}

/** One running attempt. */
export interface Attempt {
  shown: Shown;
  abort(why: JobAborted['why']): void;
  /** Never rejects. */
  outcome: Promise<AttemptOutcome>;
}

const REASONS: Record<JobAborted['why'], string> = {
  timeout: 'The attempt took too long.',
  cancelled: 'The job was cancelled.',
  stopping: 'The process is stopping.',
  lost: 'Another worker has the job.',
};

/** Runs a job once: checks its arguments, enforces its time limit, and returns the result. `onShown` receives progress and lines. */
export function startAttempt(definition: JobDefinition, job: JobRecord, onShown: () => void): Attempt {
  const controller = new AbortController();
  const shown: Shown = { progress: job.progress, log: [...job.log], lines: 0 };
  const abort = (why: JobAborted['why']) => controller.abort(new JobAborted(why, REASONS[why]));

  const line = (text: string) => {
    shown.lines++;
    shown.log.push(text.slice(0, LINE_LIMIT));
    if (shown.log.length > LOG_LINES) shown.log.splice(0, shown.log.length - LOG_LINES);
    onShown();
  };
  const context = {
    id: job.id,
    attempt: job.attempts + 1,
    signal: controller.signal,
    progress(percent: number) {
      shown.progress = Math.round(Math.min(Math.max(percent, 0), 100));
      onShown();
    },
    log: line,
  };

  async function run(): Promise<AttemptOutcome> {
    const faults = faultsOf(definition.schema, job.args);
    if (faults.length > 0) {
      const told = faults.map(({ path, message }) => `${path} ${message}`).join('; ');
      return {
        state: 'failed',
        failure: { message: `The arguments do not fit the schema of the job: ${told}`, stack: null },
      };
    }
    const timer = setTimeout(() => abort('timeout'), definition.timeout);
    try {
      const result = await withoutLingering(
        Promise.resolve().then(() => definition.run(job.args as never, context)),
        controller.signal,
      );
      const kept = asKept(result);
      if (kept === TOO_LARGE) line('The result is too large to be stored, or is not JSON.');
      return { state: 'completed', result: kept === TOO_LARGE ? null : kept };
    } catch (error) {
      return outcomeOf(error);
    } finally {
      clearTimeout(timer);
    }
  }

  function outcomeOf(error: unknown): AttemptOutcome {
    const reason = controller.signal.reason;
    const why = reason instanceof JobAborted ? reason.why : null;
    if (why === 'stopping' || why === 'lost') return { state: 'returned' };
    if (why === 'cancelled') return { state: 'cancelled', failure: failureOf(reason) };
    const failure = failureOf(why === 'timeout' ? reason : error);
    const failures = job.attempts + 1;
    if (error instanceof JobGivenUp || failures > job.retries) return { state: 'failed', failure };
    const { base, max } = definition.backoff;
    const isDeferred = error instanceof JobDeferred;
    const backoff = isDeferred && !error.soon ? { base: Math.min(Math.max(base, DEFERRED), max), max } : { base, max };
    const outcome = { state: 'failed', failure, retryAfter: pauseAfter(failures, backoff) } as const;
    return isDeferred ? { ...outcome, deferredFor: error.reason } : outcome;
  }

  return { shown, abort, outcome: run() };
}

/** Like `work`, but abandons a handler that ignores its signal. */
async function withoutLingering<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const leftBehind = new Promise<never>((_, reject) => {
    const leave = () => {
      timer = setTimeout(() => reject(signal.reason), LINGER);
    };
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([work, leftBehind]);
  } finally {
    clearTimeout(timer);
  }
}

const TOO_LARGE = Symbol('too large');

function asKept(result: unknown): unknown {
  try {
    const text = JSON.stringify(result ?? null);
    return text === undefined || text.length > RESULT_LIMIT ? TOO_LARGE : JSON.parse(text);
  } catch {
    return TOO_LARGE;
  }
}

function failureOf(error: unknown): JobFailure {
  if (!(error instanceof Error)) return { message: String(error).slice(0, MESSAGE_LIMIT), stack: null };
  return { message: error.message.slice(0, MESSAGE_LIMIT), stack: error.stack?.slice(0, STACK_LIMIT) ?? null };
}
