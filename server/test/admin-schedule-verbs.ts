import { Type } from 'typebox';
import { defineJob } from '../src/platform/queue/define-job.ts';
import type { Jobs } from '../src/platform/queue/jobs.ts';
import { admin } from './administration.ts';
import { NOON } from './app.ts';
import { ok } from './client.ts';
import type { World } from './matrix/world.ts';
import { refused } from './scenario.ts';

/** A schedule as administrators see it. */
export interface Schedule {
  id: string;
  name: string;
  enabled: boolean;
  origin: 'code' | 'admin';
  nextRunAt: string | null;
  lastRunAt: string | null;
  [field: string]: unknown;
}

export const JOB = 'test.report';
export const EVERY_MINUTE = { kind: 'interval', everySeconds: 60 };
export const GOOD = { name: 'Every minute', job: JOB, timing: EVERY_MINUTE };
export const NIGHTLY = { kind: 'cron', expression: '30 2 * * *', timeZone: 'Europe/Berlin' };

/** A job that takes anything but numbers for its name, and fails when it is told to. */
export function jobs(known: Jobs): void {
  const schema = Type.Object({ name: Type.Optional(Type.String()), fails: Type.Optional(Type.Boolean()) });
  known.register(
    defineJob({
      name: JOB,
      schema,
      schedulable: true,
      retries: 0,
      run: async ({ fails }) => {
        if (fails) throw new Error('It was told to.');
      },
    }),
  );
}

export const make = async (w: World, fields: object = {}) =>
  ok<Schedule>(await admin(w, 'POST', '/schedules', { ...GOOD, ...fields }), 201);
export const read = async (w: World, id: string) => ok<Schedule>(await admin(w, 'GET', `/schedules/${id}`), 200);
export const later = (milliseconds: number) => new Date(NOON.getTime() + milliseconds).toISOString();

/** Lets the scheduler look, and everything that follows from it happen. */
export async function follow(w: World): Promise<void> {
  await w.app.scheduler.tick();
  await w.work();
  await w.work();
}

/** Where a body is at fault. */
export async function faultIn(
  w: World,
  method: 'POST' | 'PATCH',
  path: string,
  body: object,
): Promise<string | undefined> {
  return refused(await admin(w, method, path, body), 400, 'validation_failed').errors?.[0]?.path;
}
