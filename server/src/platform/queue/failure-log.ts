import type { Logger } from '../telemetry/log.ts';
import { createOutageLog } from '../telemetry/outage-log.ts';
import type { AttemptOutcome } from './queue.ts';

/**
 * Tells the log of attempts that failed, for whoever looks at no queue: when a kind of job begins to fail and when it works again, since
 * a mail server that is away fails each mail hundreds of times; and every job that is given up. Only in the words that are kept of it.
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
    if (retryAfter === undefined) log.warn({ err: error, job: name }, 'a job failed for good');
    else outageOf(name).failed(error);
  };
}
