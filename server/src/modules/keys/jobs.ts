import { Type } from 'typebox';
import { MINUTE } from '../../platform/clock.ts';
import { defineJob } from '../../platform/queue/define-job.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import type { Schedules } from '../schedules/schedules.ts';
import type { Keys } from './keys.ts';

const NAME = 'keys.tend';
const NOTHING = Type.Object({}, { additionalProperties: false });

/** Rotates keys by their age, and removes old ones: every hour. */
export function registerKeyJobs({ keys, jobs, schedules }: { keys: Keys; jobs: Jobs; schedules: Schedules }): void {
  jobs.register(
    defineJob({ name: NAME, schema: NOTHING, concurrency: 1, timeout: 5 * MINUTE, run: () => keys.tend() }),
  );
  const timing = { kind: 'cron', expression: '32 * * * *', timeZone: 'UTC' } as const;
  schedules.define({ name: NAME, job: NAME, timing, missed: 'runOnce' });
}
