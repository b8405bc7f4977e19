import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds between two looks at the clock, and the most of them that count: what is longer, the processor was with others. */
const LOOK_EVERY = 5;
const LONGEST_TURN = 50;

let ran = 0;
let last = performance.now();

function look(): void {
  const now = performance.now();
  ran += Math.min(now - last, LONGEST_TURN);
  last = now;
}

setInterval(look, LOOK_EVERY).unref();

/**
 * Milliseconds for which this process has been running: a clock that all but stands still while the machine is busy with others. For
 * upper bounds on what waits (for a timer, a socket, another instance); what computes without a pause is not measured by it.
 */
export function runningTime(): number {
  look();
  return ran;
}

/**
 * Resolves with `value` after so much running time, when whatever came during a longer turn has been heard; soon, once `signal` says that
 * nobody waits for it any more.
 */
export async function runFor<T>(milliseconds: number, value: T, signal?: AbortSignal): Promise<T> {
  const end = runningTime() + milliseconds;
  while (runningTime() < end && !signal?.aborted) await pause(Math.max(1, Math.min(LONGEST_TURN, end - ran)));
  return value;
}
