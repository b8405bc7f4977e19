import { type Clock, DAY, systemClock } from '../clock.ts';
import type { Logger } from '../telemetry/log.ts';
import { createOutageLog } from '../telemetry/outage-log.ts';
import type { AttemptOutcome } from './queue.ts';

/** Reasons of deferrals that are remembered as told, and for how long. */
const ROOM = 100;
const REMEMBERED = 1 * DAY;

/**
 * Logs failed attempts: when a kind of job begins to fail and when it works again (with the mail server away, each mail fails hundreds
 * of times), every job that failed its last attempt, and each reason for which jobs are deferred, once a day,
 * however many succeed in between. Logs only the stored text of the failure.
 */
export function createFailureLog(log: Logger, clock: Clock = systemClock) {
  /** When each was told. */
  const deferrals = new Map<string, number>();
  const outages = new Map<string, ReturnType<typeof createOutageLog>>();

  function outageOf(name: string) {
    const known = outages.get(name);
    if (known) return known;
    const outage = createOutageLog(log, `the job ${name}`);
    outages.set(name, outage);
    return outage;
  }

  function isFirst(deferral: string): boolean {
    const now = clock().getTime();
    if (now - (deferrals.get(deferral) ?? Number.NEGATIVE_INFINITY) < REMEMBERED) return false;
    if (deferrals.size >= ROOM) deferrals.clear();
    deferrals.set(deferral, now);
    return true;
  }

  return function ended(
    { id, name }: { id: string; name: string },
    { state, failure, retryAfter, deferredFor }: AttemptOutcome,
  ) {
    if (state === 'completed') outageOf(name).worked();
    if (state !== 'failed') return;
    const error = Object.assign(new Error(failure?.message), { stack: failure?.stack ?? '', jobId: id });
    if (retryAfter === undefined) log.warn({ err: error, job: name }, 'a job failed its last attempt');
    else if (deferredFor === undefined) outageOf(name).failed(error);
    else if (isFirst(`${name} ${deferredFor}`)) {
      log.warn({ err: error, job: name }, 'a job is refused for a reason that may pass; such jobs are retried');
    }
  };
}
