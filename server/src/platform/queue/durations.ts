import type { JobRecord, QueueStatus } from './queue.ts';

/** Durations of jobs from start to end, in milliseconds; null without jobs. */
export function durationsOf(jobs: readonly Pick<JobRecord, 'startedAt' | 'finishedAt'>[]): QueueStatus['durations'] {
  const sorted = jobs
    .flatMap(({ startedAt: from, finishedAt: to }) => (from && to ? [Math.max(to.getTime() - from.getTime(), 0)] : []))
    .sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const average = sorted.reduce((sum, duration) => sum + duration, 0) / sorted.length;
  return { average: Math.round(average), p95: sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0 };
}
