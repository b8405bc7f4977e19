import { setTimeout as sleep } from 'node:timers/promises';
import { platformErrors } from './errors.ts';

/** Attempts before the winners of so many races are called overload: after 0.6 seconds of pauses on average, 1.3 at most. */
const TRIES = 12;
/** Milliseconds that the pause after the first lost race takes at most; it doubles with each further one. */
const FIRST_PAUSE = 4;
const LONGEST_PAUSE = 200;

/**
 * Compare-and-set: runs `attempt`, which reads, decides and writes onto exactly what it read, until a write has won, and answers what
 * it answered then. Null says that somebody else was faster: it is run again and must decide anew. `lost` counts how often it was.
 *
 * The pause in between is random and grows: of many who write one record at once, those who lost do not meet again in the same moment, and
 * leave the database to everybody else meanwhile. Throws what `attempt` throws, and `overloaded` (503, Retry-After) where it loses every time.
 *
 * ```ts
 * const user = await untilWon(async () => {
 *   const user = await store.find(id);
 *   return (await store.setRoles({ id, version: user.version, now: clock() }, { roleIds }, event)) === 'ok' ? user : null;
 * });
 * ```
 */
export async function untilWon<T extends NonNullable<unknown>>(
  attempt: (lost: number) => Promise<T | null>,
  {
    pause = sleep,
    random = Math.random,
  }: { pause?: (milliseconds: number) => Promise<unknown>; random?: () => number } = {},
): Promise<T> {
  for (let lost = 0; lost < TRIES; lost++) {
    if (lost > 0) await pause(random() * Math.min(FIRST_PAUSE * 2 ** (lost - 1), LONGEST_PAUSE));
    const result = await attempt(lost);
    if (result !== null) return result;
  }
  throw platformErrors.overloaded({ headers: { 'retry-after': '1' } });
}
