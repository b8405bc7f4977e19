import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import type { EventRecord } from '../src/modules/events/event-store.ts';
import type { ScheduleRecord, Timing } from '../src/modules/schedules/schedule-store.ts';
import { after } from '../src/platform/clock.ts';
import { defineJob } from '../src/platform/queue/define-job.ts';
import type { Jobs } from '../src/platform/queue/jobs.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { createClient } from './client.ts';
import { makeEvent, makeSchedule } from './fixtures.ts';
import { createWorld, type World } from './matrix/world.ts';

export const JOB = 'test.tick';
export const cron = (expression: string): Timing => ({ kind: 'cron', expression, timeZone: 'Europe/Berlin' });
export const every = (everySeconds: number): Timing => ({ kind: 'interval', everySeconds });

function knowTick(jobs: Jobs): void {
  jobs.register(defineJob({ name: JOB, schema: Type.Object({}), schedulable: true, run: async () => null }));
}

export interface Pair {
  here: World;
  there: TestApp;
  /** Opens one more instance. */
  more(options?: { jobs?: (jobs: Jobs) => unknown }): Promise<TestApp>;
  /** Both clocks. */
  forward(milliseconds: number): void;
  /** Both look at their schedules, deliver and run whatever follows. */
  work(): Promise<void>;
  create(fields: Partial<ScheduleRecord> & { timing: Timing }): Promise<ScheduleRecord>;
  read(schedule: ScheduleRecord): Promise<ScheduleRecord>;
  /** What the history says of its runs, in order. */
  runs(schedule: ScheduleRecord): Promise<EventRecord[]>;
  /** The ticks for which it ran. */
  ticks(schedule: ScheduleRecord): Promise<string[]>;
}

/** Two instances over one database, each with a clock of its own. */
export async function withPair(
  freshUrl: () => Promise<{ url: string; drop(): Promise<void> }>,
  run: (pair: Pair) => Promise<void>,
  { knownHere = knowTick }: { knownHere?: (jobs: Jobs) => unknown } = {},
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-schedules-'));
  const { url: databaseUrl, drop } = await freshUrl();
  const opened: TestApp[] = [];
  const more: Pair['more'] = async ({ jobs = knowTick } = {}) => {
    const time = standingClock();
    if (opened[0]) time.now = opened[0].time.now;
    const t = await openTestApp({ databaseUrl, dataDir, time, jobs });
    opened.push(t);
    return t;
  };
  try {
    const one = await more({ jobs: knownHere });
    const here = await createWorld({ ...one, client: createClient(one), databaseUrl });
    const there = await more();
    const { events, schedules } = here.app.storage;
    const pair: Pair = {
      here,
      there,
      more,
      forward: (milliseconds) => opened.forEach(({ time }) => void time.forward(milliseconds)),
      async work() {
        await Promise.all(opened.map(({ app }) => app.scheduler.tick()));
        for (let round = 0; round < 2; round++) await Promise.all(opened.map((t) => t.work()));
      },
      async create(fields) {
        const { now } = here.time;
        const made = {
          job: JOB,
          args: {},
          startAt: null,
          endAt: null,
          lastRunAt: null,
          createdAt: now,
          updatedAt: now,
        };
        const schedule = makeSchedule({ ...made, missed: 'skip', ...fields });
        assert.equal(
          await schedules.insert(
            schedule,
            makeEvent(`schedule:${schedule.id}`, { pending: false, evicts: false, at: now }),
          ),
          'ok',
        );
        return schedule;
      },
      read: async ({ id }) => (await schedules.find(id)) ?? assert.fail('the schedule is there'),
      runs: async ({ id }) =>
        (await events.listForTarget(`schedule:${id}`)).filter(({ type }) => type.startsWith('schedule_run.')),
      ticks: async (schedule) =>
        (await pair.runs(schedule))
          .filter(({ type }) => type === 'schedule_run.due')
          .map(({ data }) => String(data.scheduledFor)),
    };
    await run(pair);
  } finally {
    for (const t of opened.reverse()) await t.close();
    await drop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Checks that each run became one job, which is over; of this job there is none besides. */
export async function assertOneJobEach({ here }: Pair, runs: EventRecord[]): Promise<void> {
  const { queue, jobs } = here.app;
  assert.equal(await queue.count({ name: JOB }, 100_000), runs.length);
  for (const { id } of runs) assert.equal((await queue.find(jobs.idOf(JOB, id)))?.state, 'completed');
}

export const times = (from: Date, step: number, until: Date) =>
  Array.from({ length: Math.floor((until.getTime() - from.getTime()) / step) }, (_, i) =>
    after(from, (i + 1) * step).toISOString(),
  );
