import { setTimeout as sleep } from 'node:timers/promises';
import type { Keyring } from './keyring.ts';

/**
 * Runs `work`; if it rejects, waits some milliseconds that depend on `name` before it passes the error on. For every refusal that must not
 * reveal whether an account exists: the wait hides that reading a row takes longer than finding none.
 */
export type RefusalDelay = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** Milliseconds; the hidden difference is some hundredths of one. */
const LONGEST = 8;
const PURPOSE = 'time-veil';

/**
 * The wait is the same each time, and secret: otherwise the mean of many attempts would reveal what single ones do not. `pause` waits for
 * whole milliseconds.
 */
export function createRefusalDelay(deps: {
  keyring: Keyring;
  pause?: (milliseconds: number) => Promise<unknown>;
  /** From 0 up to 1. */
  random?: () => number;
}): RefusalDelay {
  const { keyring, pause = sleep, random = Math.random } = deps;
  return async (name, work) => {
    try {
      return await work();
    } catch (error) {
      const share = keyring.mac(PURPOSE, [name]).readUInt32BE() / 2 ** 32;
      // Timers have whole milliseconds: round up as often as makes the mean right.
      await pause(Math.floor(1 + LONGEST * share + random()));
      throw error;
    }
  };
}
