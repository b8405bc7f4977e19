import { setTimeout as pause } from 'node:timers/promises';
import { unavailable } from './errors.ts';

const SLICE = 100;

/**
 * Resolves after `milliseconds`, a multiple of 100, of running time of this process: a process that was paused sees its
 * timers before answers that arrived long ago, and would consider a living server silent.
 */
export async function lapse(milliseconds: number): Promise<void> {
  for (let left = milliseconds; left > 0; left -= SLICE) await pause(SLICE, undefined, { ref: false });
}

/** The result of `work`, or `unavailable` after `milliseconds`; `work` itself continues, and its result is ignored. */
export function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = lapse(milliseconds).then(() => {
    throw unavailable(new Error(`No answer within ${milliseconds} ms.`));
  });
  return Promise.race([work, late]);
}
