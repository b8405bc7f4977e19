import type { Backoff } from './define-job.ts';

/**
 * Milliseconds before the next attempt, after `failures` of them: exponential, with full jitter in its upper half, so that jobs that
 * failed together are not retried together.
 */
export function pauseAfter(failures: number, { base, max }: Backoff, random: () => number = Math.random): number {
  const ceiling = Math.min(base * 2 ** Math.min(failures - 1, 30), max);
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}
