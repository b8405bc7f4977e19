import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { platformErrors } from './errors.ts';
import { createKeyedQueue } from './keyed-queue.ts';

/** Attempts before the winners of so many races are called overload: after 0.6 seconds of pauses on average, 1.3 at most. */
const TRIES = 12;
/** Milliseconds that the pause after the first lost race takes at most; it doubles with each further one. */
const FIRST_PAUSE = 4;
const LONGEST_PAUSE = 200;

const overloaded = () => platformErrors.overloaded({ headers: { 'retry-after': '1' } });

/** Writers of one record in this process: only those of other processes can still win over the one whose turn it is. */
const writers = createKeyedQueue({ concurrency: 1, waiting: 500, patience: 10_000, full: overloaded });
/** The records whose turn the present call has: one that waited for itself would wait for ever. */
const held = new AsyncLocalStorage<readonly string[]>();

/**
 * Compare-and-set: runs `attempt`, which reads, decides and writes onto exactly what it read, until a write has won, and answers what
 * it answered then. Null says that somebody else was faster: it is run again and must decide anew. `lost` counts how often it was.
 *
 * The pause in between is random and grows: of many who write one record at once, those who lost do not meet again in the same moment, and
 * leave the database to everybody else meanwhile. Those of this process that name one `record` take turns, so that hundreds of them cost
 * one read and one write each, and one connection. An `untilWon` of the same record within `attempt` runs at once.
 * Throws what `attempt` throws, and `overloaded` (503, Retry-After) where it loses every time or its turn does not come.
 *
 * ```ts
 * const user = await untilWon(
 *   async () => {
 *     const user = await store.find(id);
 *     return (await store.setRoles({ id, version: user.version, now: clock() }, { roleIds }, event)) === 'ok' ? user : null;
 *   },
 *   { record: `user:${id}` },
 * );
 * ```
 */
export function untilWon<T extends NonNullable<unknown>>(
  attempt: (lost: number) => Promise<T | null>,
  options: { record?: string } & PauseOptions = {},
): Promise<T> {
  const { record } = options;
  const mine = held.getStore() ?? [];
  if (record === undefined || mine.includes(record)) return tryUntilWon(attempt, options);
  return writers.run(record, () => held.run([...mine, record], () => tryUntilWon(attempt, options)));
}

interface PauseOptions {
  pause?: (milliseconds: number) => Promise<unknown>;
  random?: () => number;
}

async function tryUntilWon<T extends NonNullable<unknown>>(
  attempt: (lost: number) => Promise<T | null>,
  { pause = sleep, random = Math.random }: PauseOptions,
): Promise<T> {
  for (let lost = 0; lost < TRIES; lost++) {
    if (lost > 0) await pause(random() * Math.min(FIRST_PAUSE * 2 ** (lost - 1), LONGEST_PAUSE));
    const result = await attempt(lost);
    if (result !== null) return result;
  }
  throw overloaded();
}
