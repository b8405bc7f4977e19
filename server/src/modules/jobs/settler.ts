import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Clock, SECOND } from '../../platform/clock.ts';
import type { JobStore, Settlement } from './job-store.ts';

/** Settlements that one transaction takes. */
const BATCH = 50;
/** While the database is away: tried again so often, for so long. By then the claim is another's, and there is nothing to say. */
const PAUSE = 500;
const PATIENCE = 30 * SECOND;

/** Says what became of jobs, many at a time: what ends while one transaction runs goes together into the next. */
export interface Settler {
  /** Resolves when it is written, or cannot be written any more. Never rejects. */
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
            'what became of jobs could not be written; they will run again',
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
        // In the next turn, so that what ends in this one goes along.
        if (!writing) setImmediate(() => writing || void writeAll());
      }),
  };
}
