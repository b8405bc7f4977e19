import { setTimeout as pause } from 'node:timers/promises';
import { Type } from 'typebox';

/** Jobs under way at a time, and enqueueings that nobody has answered yet. */
export const CONCURRENCY = 50;
const IN_FLIGHT = 64;

/** What every job carries: a pointer to data, as arguments are. */
export const ARGS = { userId: '01939c3e-7d5a-7c1e-9d0e-0b6f3a1c2d4e', template: 'welcome' };
export const argsSchema = Type.Object({ userId: Type.String(), template: Type.String() });

/** What one round showed of a side. */
export interface JobSample {
  /** Jobs per second of the clock. */
  rate: number;
  /** Jobs for each second of processor time that the process used. */
  perCoreSecond: number;
  /** The share of a core that the process used. */
  busy: number;
}

/** One side's line, which is paused at first. */
export interface Line {
  pause(): Promise<unknown>;
  resume(): Promise<unknown>;
  /** Jobs that a worker has. */
  active(): Promise<number>;
}

interface Moment {
  at: number;
  worked: number;
}

function now(): Moment {
  const { user, system } = process.cpuUsage();
  return { at: performance.now() / 1000, worked: (user + system) / 1e6 };
}

function sampleOf(jobs: number, from: Moment, to: Moment): JobSample {
  const [duration, worked] = [to.at - from.at, to.worked - from.worked];
  return { rate: jobs / duration, perCoreSecond: jobs / worked, busy: worked / duration };
}

/** Rounds of a line whose handler is `ran` and nothing else. Both sides of a comparison are measured by the same code. */
export function createJobRounds(line: Line) {
  const watched = new Map<number, (moment: Moment) => void>();
  let inLine = 0;
  let count = 0;

  /** When the job with this number runs, counted from the beginning of the round. */
  const running = (number: number) => new Promise<Moment>((tell) => watched.set(number, tell));

  async function fill(add: () => Promise<unknown>, seconds: number): Promise<number> {
    const until = performance.now() + seconds * 1000;
    let added = 0;
    async function addRepeatedly() {
      while (performance.now() < until) {
        inLine++;
        await add();
        added++;
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, addRepeatedly));
    return added;
  }

  /** Afterwards nothing of this round disturbs the next one. */
  async function rest(): Promise<void> {
    await line.pause();
    while ((await line.active()) > 0) await pause(5);
    inLine = 0;
    count = 0;
  }

  return {
    ran(): void {
      const tell = watched.get(++count);
      watched.delete(count);
      tell?.(now());
    },

    /** Enqueues while nobody runs anything. */
    async enqueue(add: () => Promise<unknown>, seconds: number): Promise<JobSample> {
      const from = now();
      const added = await fill(add, seconds);
      return sampleOf(added, from, now());
    },

    /** Runs what is in line: from the job that fills the worker to the last one, so that each that begins is one that ended. */
    async run(): Promise<JobSample> {
      const jobs = inLine - CONCURRENCY;
      if (jobs <= 0) throw new Error('too few jobs are in line for a figure');
      const [from, to] = [running(CONCURRENCY), running(inLine)];
      await line.resume();
      const sample = sampleOf(jobs, await from, await to);
      await rest();
      return sample;
    },

    /** Enqueues while the same process runs what is in line; until the last one runs. */
    async both(add: () => Promise<unknown>, seconds: number): Promise<JobSample> {
      await line.resume();
      const from = now();
      const added = await fill(add, seconds);
      const to = count < added ? await running(added) : now();
      await rest();
      return sampleOf(added, from, to);
    },
  };
}
