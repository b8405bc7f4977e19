import { MINUTE } from '../../platform/clock.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { Keys } from './keys.ts';

/** Rotates keys by their age, and removes old ones: every hour. */
export function registerKeyJobs({ keys, periodic }: { keys: Pick<Keys, 'tend'>; periodic: Periodic }): void {
  periodic({ name: 'keys.tend', cron: '32 * * * *', timeout: 5 * MINUTE, run: () => keys.tend() });
}
