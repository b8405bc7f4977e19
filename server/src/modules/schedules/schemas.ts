import { type Static, Type } from 'typebox';
import { listQuery } from '../../platform/http/paging.ts';
import { nullable, timestamp } from '../../platform/http/schemas.ts';
import type { JobState } from '../../platform/queue/queue.ts';
import type { EventRecord } from '../events/event-store.ts';
import type { ScheduleRecord, Timing } from './schedule-store.ts';
import type { ScheduleInput } from './schedules.ts';
import { SOLAR_EVENTS, type SolarEvent } from './timing.ts';

const closed = { additionalProperties: false } as const;

/** Seconds in ten years. */
const LONGEST_INTERVAL = 315_360_000;
/** Years that every database can store; no leap seconds. */
const TIME = '^[12]\\d{3}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:[0-5]';

const timing = Type.Unsafe<Timing>({
  title: 'Timing',
  description: 'When it ticks: by an interval, a cron expression, or the sun at a place.',
  anyOf: [
    Type.Object(
      { kind: Type.Literal('interval'), everySeconds: Type.Integer({ minimum: 1, maximum: LONGEST_INTERVAL }) },
      { ...closed, title: 'IntervalTiming' },
    ),
    Type.Object(
      {
        kind: Type.Literal('cron'),
        expression: Type.String({
          maxLength: 200,
          description: 'Five fields, or six with seconds first.',
          examples: ['0 3 * * *'],
        }),
        timeZone: Type.String({ maxLength: 64, description: 'IANA name.', examples: ['Europe/Berlin'] }),
      },
      { ...closed, title: 'CronTiming' },
    ),
    Type.Object(
      {
        kind: Type.Literal('solar'),
        event: Type.Unsafe<SolarEvent>({ title: 'SolarEvent', type: 'string', enum: SOLAR_EVENTS }),
        latitude: Type.Number({ minimum: -90, maximum: 90 }),
        longitude: Type.Number({ minimum: -180, maximum: 180 }),
      },
      { ...closed, title: 'SolarTiming' },
    ),
  ],
});

const timeOrNull = (description: string) =>
  Type.Unsafe<string | null>({
    type: ['string', 'null'],
    format: 'date-time',
    pattern: TIME,
    description,
    examples: ['2026-11-30T09:30:00Z'],
  });

const count = (description: string) => Type.Integer({ minimum: 0, maximum: 1000, description });

const fields = {
  name: Type.String({ maxLength: 80, format: 'name' }),
  job: Type.String({
    minLength: 1,
    maxLength: 60,
    description: 'The name of a job that people may schedule; a refusal lists them.',
  }),
  args: Type.Unsafe<unknown>({
    description: 'Checked by the job. Stored and shown, so they must not contain secrets.',
  }),
  timing,
  options: Type.Object(
    {
      priority: Type.Optional(count('0, the default, comes first.')),
      retries: Type.Optional(
        Type.Unsafe<number | null>({
          ...count('Instead of the default of the job; null: that default.'),
          type: ['integer', 'null'],
        }),
      ),
    },
    { ...closed, title: 'ScheduleOptionsInput' },
  ),
  missed: Type.Unsafe<ScheduleRecord['missed']>({
    type: 'string',
    enum: ['skip', 'runOnce'],
    description: 'What happens with missed ticks: nothing (the default), or one run for all of them.',
  }),
  enabled: Type.Boolean({ description: 'Default true.' }),
  startAt: timeOrNull('No tick before it.'),
  endAt: timeOrNull('No tick after it.'),
};

const { name, job, ...others } = fields;
const optional = {
  args: Type.Optional(others.args),
  options: Type.Optional(others.options),
  missed: Type.Optional(others.missed),
  enabled: Type.Optional(others.enabled),
  startAt: Type.Optional(others.startAt),
  endAt: Type.Optional(others.endAt),
};

const EXAMPLE = {
  name: 'Nightly clean-up',
  job: 'purge.sessions',
  args: {},
  timing: { kind: 'cron', expression: '0 3 * * *', timeZone: 'Europe/Berlin' },
};

export const createScheduleBody = Type.Object(
  { name, job, timing, ...optional },
  { ...closed, title: 'CreateScheduleBody', examples: [EXAMPLE] },
);
export const patchScheduleBody = Type.Object(
  { name: Type.Optional(name), job: Type.Optional(job), timing: Type.Optional(timing), ...optional },
  { ...closed, minProperties: 1, title: 'UpdateScheduleBody' },
);
export const previewBody = Type.Object(
  {
    timing,
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'Default 10.' })),
    from: Type.Optional(
      Type.String({
        format: 'date-time',
        pattern: TIME,
        description: 'Default now.',
        examples: ['2026-11-30T09:30:00Z'],
      }),
    ),
  },
  { ...closed, title: 'PreviewTimingBody', examples: [{ timing: EXAMPLE.timing, count: 3 }] },
);
export const previewSchema = Type.Object({ ticks: Type.Array(timestamp()) }, { title: 'TimingPreview' });

export const scheduleParams = Type.Object({ id: Type.String({ maxLength: 100 }) }, closed);
export const schedulesQuery = Type.Object(listQuery, closed);

export const scheduleSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    job: Type.String(),
    args: Type.Unsafe<unknown>({}),
    timing,
    options: Type.Object({ priority: Type.Integer(), retries: nullable(Type.Integer()) }, { title: 'ScheduleOptions' }),
    missed: fields.missed,
    enabled: Type.Boolean(),
    startAt: nullable(timestamp()),
    endAt: nullable(timestamp()),
    origin: Type.Unsafe<ScheduleRecord['origin']>({
      type: 'string',
      enum: ['code', 'admin'],
      description: 'A schedule of the code can only be enabled or disabled.',
    }),
    nextRunAt: nullable(timestamp()),
    lastRunAt: nullable(timestamp({ description: 'The latest tick for which it ran.' })),
    createdAt: timestamp(),
    updatedAt: timestamp(),
    version: Type.Integer({ description: 'Grows with each change, not with ticks.' }),
  },
  { title: 'Schedule' },
);

/** A tick must not look like a change that somebody made: the version that people see is the revision. */
export function scheduleView({ revision: version, ...schedule }: ScheduleRecord): Static<typeof scheduleSchema> {
  return { ...schedule, version };
}

/** Converts a body to the input of the use cases. */
export function toInput<T extends { startAt?: string | null; endAt?: string | null }>({ startAt, endAt, ...body }: T) {
  const time = (text: string | null) => (text === null ? null : new Date(text));
  return {
    ...body,
    ...(startAt !== undefined && { startAt: time(startAt) }),
    ...(endAt !== undefined && { endAt: time(endAt) }),
  } satisfies Partial<ScheduleInput>;
}

export const runSchema = Type.Object(
  {
    id: Type.String(),
    kind: Type.Unsafe<'due' | 'missed' | 'requested'>({
      type: 'string',
      enum: ['due', 'missed', 'requested'],
      description: 'A tick, a missed tick that did not run, or a requested run.',
    }),
    at: timestamp(),
    scheduledFor: nullable(timestamp({ description: 'The tick.' })),
    actor: nullable(Type.Object({ id: Type.String() }, { title: 'RunActor', description: 'Who requested the run.' })),
    jobId: nullable(Type.String()),
    jobState: nullable(Type.String({ description: 'Null if the job is no longer stored, or not enqueued yet.' })),
  },
  { title: 'ScheduleRun' },
);

export type RunKind = Static<typeof runSchema>['kind'];

export function runView(
  event: EventRecord,
  job: { id: string; state: JobState | null } | null,
): Static<typeof runSchema> {
  const { scheduledFor } = event.data;
  return {
    id: event.id,
    kind: event.type.slice('schedule_run.'.length) as RunKind,
    at: event.at,
    scheduledFor: typeof scheduledFor === 'string' ? new Date(scheduledFor) : null,
    actor: event.actorId === null ? null : { id: event.actorId },
    jobId: job?.id ?? null,
    jobState: job?.state ?? null,
  };
}
