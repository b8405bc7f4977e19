import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { Type } from 'typebox';
import { SECOND } from '../src/platform/clock.ts';
import { defineJob } from '../src/platform/queue/define-job.ts';
import type { Jobs } from '../src/platform/queue/jobs.ts';
import { admin } from './administration.ts';
import { ok } from './client.ts';
import type { World } from './matrix/world.ts';

/** A job as administrators see it. */
export interface Job {
  id: string;
  queue: string;
  state: string;
  attempts: number;
  failure: { message: string; stack: string | null } | null;
  [field: string]: unknown;
}

const ANYTHING = Type.Object({});
/** Of real time; whoever asks for something that takes a moment waits no longer. */
const PATIENCE = 10 * SECOND;

/** One that works, one that does not until it is mended, and one that goes on until it is stopped. */
export function createTestJobs() {
  const state = { isBroken: true };
  const register = (jobs: Jobs): void => {
    jobs.register(
      defineJob({
        name: 'test.works',
        schema: ANYTHING,
        async run(args, { progress, log }) {
          progress(50);
          log('half way');
          return { got: args };
        },
      }),
    );
    jobs.register(
      defineJob({
        name: 'test.breaks',
        schema: ANYTHING,
        retries: 0,
        async run() {
          if (state.isBroken) throw new Error('It is broken.');
        },
      }),
    );
    jobs.register(
      defineJob({
        name: 'test.lasts',
        schema: ANYTHING,
        concurrency: 1,
        run: (_args, { signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          }),
      }),
    );
  };
  return { state, jobs: register };
}

export const readJob = async (w: World, id: string) => ok<Job>(await admin(w, 'GET', `/jobs/${id}`), 200);

/** A job that is over. */
export async function done(w: World, name: string, args: object = {}): Promise<string> {
  const id = await w.app.jobs.enqueue(name, args);
  await w.work();
  return id;
}

/** A job that a worker has. */
export async function active(w: World): Promise<string> {
  const id = await w.app.jobs.enqueue('test.lasts', {});
  await comesTo(w, id, 'active');
  return id;
}

export async function comesTo(w: World, id: string, state: string): Promise<Job> {
  for (const since = performance.now(); performance.now() - since < PATIENCE; await pause(10)) {
    const job = await readJob(w, id);
    if (job.state === state) return job;
  }
  return assert.fail(`the job does not become ${state}`);
}
