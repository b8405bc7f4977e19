import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Clock, SECOND } from '../../platform/clock.ts';
import type { JobStore, Settlement } from './job-store.ts';

/** Settlements per transaction. */
const BATCH = 50;
/** Interval and duration of retries while the database is unavailable. After that another worker has the claim, and a retry is useless. */
const PAUSE = 500;
const PATIENCE = 30 * SECOND;

/** Stores the outcomes of jobs in batches: those that arrive during one transaction go into the next together. */
export interface Settler {
  /** Resolves when the outcome is stored, or after giving up. Never rejects. */
  settle(settlement: Settlement): Promise<void>;
}

export function createSettler({ store, clock, log }: { store: JobStore; clock: Clock; log: Logger }): Settler {
  let waiting: { settlement: Settlement; done: () => void }[] = [];
  let writing = false;

  async function write(settlements: Settlement[]): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE;
    for (;;) {
      try {
        const lost = await store.settle(settlements, clock());
        for (const id of lost) log.warn({ jobId: id }, 'a job ended here after another worker had taken it over');
        return;
      } catch (error) {
        if (performance.now() > giveUpAt) {
          log.error(
            { err: error, jobs: settlements.length },
            'the outcomes of jobs could not be stored; the jobs will run again',
          );
          return;
        }
        await pause(PAUSE);
      }
    }
  }

  async function writeAll(): Promise<void> {
    writing = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      waiting = waiting.slice(BATCH);
      await write(batch.map(({ settlement }) => settlement));
      for (const { done } of batch) done();
    }
    writing = false;
  }

  return {
    settle: (settlement) =>
      new Promise((done) => {
        waiting.push({ settlement, done });
        // In the next turn of the event loop, so that jobs that end in this one share a batch.
        if (!writing) setImmediate(() => writing || void writeAll());
      }),
  };
}
