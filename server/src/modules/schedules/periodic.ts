import { Type } from 'typebox';
import { MINUTE } from '../../platform/clock.ts';
import { defineJob, type JobContext } from '../../platform/queue/define-job.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import type { Schedules } from './schedules.ts';

export interface PeriodicJob {
  /** Of the job, and of its schedule. */
  name: string;
  /** A cron expression, in UTC. */
  cron: string;
  /** Milliseconds for one run. Default: half an hour. */
  timeout?: number;
  /** May run twice, and beside itself. What it answers is kept with the job. */
  run(context: JobContext): Promise<unknown>;
}

/** Registers a job without arguments that runs by the clock, and once for all runs that were missed. Throws a TypeError where its name is in use. */
export type Periodic = (job: PeriodicJob) => void;

const NOTHING = Type.Object({}, { additionalProperties: false });

export function createPeriodic({ jobs, schedules }: { jobs: Jobs; schedules: Schedules }): Periodic {
  return ({ name, cron, timeout = 30 * MINUTE, run }) => {
    jobs.register(defineJob({ name, schema: NOTHING, concurrency: 1, timeout, run: (_args, context) => run(context) }));
    const timing = { kind: 'cron', expression: cron, timeZone: 'UTC' } as const;
    schedules.define({ name, job: name, timing, missed: 'runOnce' });
  };
}
