import { setTimeout as pause } from 'node:timers/promises';
import { unavailable } from './errors.ts';

const SLICE = 100;

/**
 * Passes after `milliseconds`, a multiple of 100, in which this process could run: a process that was held up sees its
 * timers before the answers that have long been there, and would take a living server for a silent one.
 */
export async function lapse(milliseconds: number): Promise<void> {
  for (let left = milliseconds; left > 0; left -= SLICE) await pause(SLICE, undefined, { ref: false });
}

/** What `work` gives, or `unavailable` once `milliseconds` have passed; `work` itself goes on, its outcome unheard. */
export function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = lapse(milliseconds).then(() => {
    throw unavailable(new Error(`No answer within ${milliseconds} ms.`));
  });
  return Promise.race([work, late]);
}
