import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { defineJob, type JobDefinition } from '../../src/platform/queue/define-job.ts';

/** What a worker process wrote down: an attempt of a job began or ended there. */
export interface Mark {
  what: 'began' | 'ended';
  id: string;
  pid: number;
  at: number;
}

const EFFECT = Type.Object({ n: Type.Integer(), takes: Type.Integer() });
const GATED = Type.Object({ n: Type.Integer() });

/** A job that takes some milliseconds and has one effect. */
export const effectJob = (run: JobDefinition<typeof EFFECT>['run']) =>
  defineJob({ name: 'test.effect', schema: EFFECT, run, concurrency: 5, retries: 0 });

/** A job that ends when the worker that has it is told to go on. */
export const gatedJob = (run: JobDefinition<typeof GATED>['run']) =>
  defineJob({ name: 'test.gated', schema: GATED, run, concurrency: 5, retries: 0 });

/** The marks in a folder, in their order. */
export async function readMarks(dir: string): Promise<Mark[]> {
  const text = await readFile(join(dir, 'marks'), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as Mark] : []));
}

/** What each effect left: the number of its job, and the job's id. */
export async function readEffects(dir: string): Promise<[n: number, id: string][]> {
  const names = await readdir(join(dir, 'effects'));
  return names.map((name) => [Number(name.split('.')[0]), name.split('.')[1] ?? '']);
}

/** The jobs that a process had begun and not ended when it was killed. */
export function heldBy(pid: number | undefined, marks: readonly Mark[]): string[] {
  const latest = new Map(marks.filter((mark) => mark.pid === pid).map(({ id, what }) => [id, what]));
  return [...latest].flatMap(([id, what]) => (what === 'began' ? [id] : []));
}
