import { Type } from 'typebox';
import { MINUTE } from '../../platform/clock.ts';
import { defineJob, type JobContext } from '../../platform/queue/define-job.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import type { Schedules } from './schedules.ts';

export interface PeriodicJob {
  /** The name of the job and of its schedule. */
  name: string;
  /** A cron expression, in UTC. */
  cron: string;
  /** Milliseconds for one run. Default: half an hour. */
  timeout?: number;
  /** Must be safe to run twice, also concurrently, and as often as people schedule it. The return value is kept with the job. */
  run(context: JobContext): Promise<unknown>;
}

/** Registers a periodic job without arguments; one run makes up for all missed ones. Throws a TypeError if the name is in use. */
export type Periodic = (job: PeriodicJob) => void;

const NOTHING = Type.Object({}, { additionalProperties: false });

export function createPeriodic({ jobs, schedules }: { jobs: Jobs; schedules: Schedules }): Periodic {
  return ({ name, cron, timeout = 30 * MINUTE, run }) => {
    const definition = { name, schema: NOTHING, concurrency: 1, timeout, schedulable: true };
    jobs.register(defineJob({ ...definition, run: (_args, context) => run(context) }));
    const timing = { kind: 'cron', expression: cron, timeZone: 'UTC' } as const;
    schedules.define({ name, job: name, timing, missed: 'runOnce' });
  };
}
