import type { Logger } from '../telemetry/log.ts';
import { createOutageLog } from '../telemetry/outage-log.ts';
import type { AttemptOutcome } from './queue.ts';

/**
 * Logs failed attempts: when a kind of job begins to fail and when it works again (with the mail server away, each mail fails hundreds
 * of times), and every job that failed its last attempt. Logs only the stored text of the failure.
 */
export function createFailureLog(log: Logger) {
  const outages = new Map<string, ReturnType<typeof createOutageLog>>();

  function outageOf(name: string) {
    const known = outages.get(name);
    if (known) return known;
    const outage = createOutageLog(log, `the job ${name}`);
    outages.set(name, outage);
    return outage;
  }

  return function ended({ id, name }: { id: string; name: string }, { state, failure, retryAfter }: AttemptOutcome) {
    if (state === 'completed') outageOf(name).worked();
    if (state !== 'failed') return;
    const error = Object.assign(new Error(failure?.message), { stack: failure?.stack ?? '', jobId: id });
    if (retryAfter === undefined) log.warn({ err: error, job: name }, 'a job failed its last attempt');
    else outageOf(name).failed(error);
  };
}
