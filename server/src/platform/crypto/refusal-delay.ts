import { setTimeout as sleep } from 'node:timers/promises';
import type { Keyring } from './keyring.ts';

/**
 * Does `work`; where it rejects, waits some milliseconds that belong to `name` before the error goes on. Around whatever refuses alike somebody
 * who has an account and nobody: what reading a row takes longer than finding none disappears in that wait.
 */
export type RefusalDelay = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** Milliseconds; the difference that it hides is some hundredths of one. */
const LONGEST = 8;
const PURPOSE = 'time-veil';

/**
 * The wait is the same each time, and nobody else can work it out: otherwise the mean of many tries would show what single ones do
 * not. `pause` waits for whole milliseconds.
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
      // Timers know whole milliseconds only: the next one up, as often as makes the mean right.
      await pause(Math.floor(1 + LONGEST * share + random()));
      throw error;
    }
  };
}
