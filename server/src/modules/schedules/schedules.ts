import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../platform/clock.ts';
import { asJson } from '../../platform/database/values.ts';
import { type Fault, platformErrors } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { demandVersion } from '../../platform/http/versions.ts';
import { isId, newId } from '../../platform/ids.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { trimText } from '../../platform/typed-text.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import { secretField } from '../events/names.ts';
import { scheduleErrors } from './errors.ts';
import type { ScheduleChange, SchedulePatch, ScheduleRecord, ScheduleStore, Timing } from './schedule-store.ts';
import { nextRun, nextTick, timingFault } from './timing.ts';

/** The definition of a schedule, as received. */
export interface ScheduleInput {
  name: string;
  job: string;
  args?: unknown;
  timing: Timing;
  options?: { priority?: number; retries?: number | null };
  missed?: ScheduleRecord['missed'];
  enabled?: boolean;
  startAt?: Date | null;
  endAt?: Date | null;
}

export interface Schedules {
  /** Defines a schedule in the code; `merge` stores it. Throws a TypeError if it is invalid or its name is in use. */
  define(input: ScheduleInput): void;
  /** Stores the schedules of the code that differ from those in the database. Any number of instances may do so concurrently. */
  merge(): Promise<void>;
  list(): Promise<ScheduleRecord[]>;
  /** Throws `schedule_not_found`. */
  get(id: string): Promise<ScheduleRecord>;
  /** Throws `validation_failed`, `schedule_name_taken`. */
  create(caller: Caller, input: ScheduleInput): Promise<ScheduleRecord>;
  /** Throws `schedule_not_found`, `schedule_in_code`, `validation_failed`, `schedule_name_taken`, `version_conflict`. */
  change(caller: Caller, id: string, input: Partial<ScheduleInput>): Promise<ScheduleRecord>;
  /** Throws `schedule_not_found`, `schedule_in_code`, `version_conflict`. */
  remove(caller: Caller, id: string): Promise<void>;
  /**
   * Runs the job now, and returns its id; the recorded event enqueues it. Throws `schedule_not_found`, and `validation_failed` for a job that
   * people may not schedule.
   */
  run(caller: Caller, id: string): Promise<string>;
  /** The next ticks of a timing. Throws `validation_failed`. */
  preview(timing: Timing, options: { count: number; from?: Date }): Date[];
}

/** The schedules of periodic jobs, and changes to them. The scheduler follows them. */
export function createSchedules(deps: {
  store: ScheduleStore;
  jobs: Jobs;
  events: Events;
  clock: Clock;
  log: Logger;
}): Schedules {
  const { store, jobs, events, clock, log } = deps;
  const inCode = new Map<string, ScheduleInput>();

  async function get(id: string): Promise<ScheduleRecord> {
    const schedule = isId(id) ? await store.find(id) : null;
    if (!schedule) throw scheduleErrors.schedule_not_found();
    return schedule;
  }

  function describe(caller: Caller | null, type: string, { id }: { id: string }, data: object = {}): EventDraft {
    return events.describe(caller, { type, target: `schedule:${id}`, data: { ...data } });
  }

  function faultOf({ job, args, timing, startAt, endAt }: Definition): Fault | null {
    const faults = jobs.faultsOf(job, args);
    if (faults === null) return { path: '/job', message: `This must be one of: ${jobs.names().join(', ')}.` };
    const [fault] = faults;
    if (fault) return { ...fault, path: `/args${fault.path}` };
    // The arguments are shown in the audit log and with the job.
    if (secretField({ args }) !== null)
      return { path: '/args', message: 'These must not contain secrets: they are stored and shown.' };
    if (startAt && endAt && endAt < startAt) return { path: '/endAt', message: 'This is before startAt.' };
    return timingFault(timing);
  }

  /** For schedules of people. Throws `validation_failed`; `createdAt`: see `nextRun`. */
  function check(definition: Definition & { createdAt: Date }, { ticks }: { ticks: boolean }): void {
    const fault = internalFault(definition) ?? faultOf(definition) ?? (ticks ? tickFault(definition) : null);
    if (fault) throw platformErrors.validation_failed({ errors: [fault] });
  }

  /** An internal job follows from events, which bound it: by a schedule anybody could be mailed without end. */
  function internalFault({ job }: Pick<Definition, 'job'>) {
    const names = jobs.schedulable();
    return names.includes(job) ? null : { path: '/job', message: `is not one of: ${names.join(', ')}` };
  }

  /** A schedule that never ticks would look as if it worked. */
  function tickFault(schedule: Definition & { createdAt: Date }): { path: string; message: string } | null {
    const now = clock();
    if (nextRun(schedule, now) !== null) return null;
    const { timing, endAt } = schedule;
    if (endAt !== null && nextRun({ ...schedule, endAt: null }, now) !== null)
      return { path: '/endAt', message: 'is before the next tick' };
    const path = timing.kind === 'cron' ? '/timing/expression' : '/timing';
    return { path, message: 'has no tick in the future' };
  }

  const nextOf = (schedule: Definition & { enabled: boolean; createdAt: Date }) =>
    schedule.enabled ? nextRun(schedule, clock()) : null;

  /** The next run after a change. A change of other fields than times keeps a run that is due or was missed. */
  function nextAfter(present: ScheduleRecord, next: ScheduleRecord): Date | null {
    const fresh = nextOf(next);
    const isSame = present.enabled === next.enabled && isDeepStrictEqual(timesOf(present), timesOf(next));
    if (present.nextRunAt === null || !isSame) return fresh;
    // A later time comes from a clock that was ahead.
    return fresh === null || present.nextRunAt < fresh ? present.nextRunAt : fresh;
  }

  async function insert(caller: Caller | null, input: ScheduleInput, origin: ScheduleRecord['origin']) {
    const now = clock();
    const definition = definitionOf(input);
    const schedule: ScheduleRecord = {
      ...definition,
      id: newId(now),
      enabled: input.enabled ?? true,
      origin,
      nextRunAt: null,
      lastRunAt: null,
      createdAt: now,
      updatedAt: now,
      revision: 1,
      version: 1,
    };
    schedule.nextRunAt = nextOf(schedule);
    const event = describe(caller, 'schedule.created', schedule, { before: null, after: auditView(schedule) });
    return { schedule, result: await store.insert(schedule, event) };
  }

  /** Changes the current state; `attempt` is repeated after a race that was lost to a tick or another change. */
  function write(
    id: string,
    attempt: (schedule: ScheduleRecord, at: { id: string; version: number; now: Date }) => Promise<ScheduleChange>,
  ): Promise<true> {
    return untilWon(
      async () => {
        const schedule = await get(id);
        const result = await attempt(schedule, { id, version: schedule.version, now: clock() });
        if (result === 'name_taken') throw scheduleErrors.schedule_name_taken();
        return result === 'ok' ? true : null;
      },
      { record: `schedule:${id}` },
    );
  }

  async function mergeOne(input: ScheduleInput, present: ScheduleRecord | undefined): Promise<void> {
    if (!present) {
      await insert(null, input, 'code');
      return;
    }
    if (present.origin !== 'code') {
      log.warn(
        { schedule: input.name },
        'a schedule of the code does not run, because a schedule of an administrator has its name',
      );
      return;
    }
    const definition = definitionOf(input);
    if (isDeepStrictEqual(asJson(auditView(present)), asJson({ ...definition, enabled: present.enabled }))) return;
    const { id, version, revision } = present;
    const next = { ...present, ...definition };
    const event = describe(null, 'schedule.changed', present, auditDiff(present, definition));
    // If another instance was faster, it wrote the same.
    const patch = { ...definition, revision: revision + 1, nextRunAt: nextAfter(present, next) };
    await store.patch({ id, version, now: clock() }, patch, event);
  }

  return {
    define(input) {
      const fault = faultOf(definitionOf(input));
      if (fault) throw new TypeError(`The schedule ${input.name}: ${fault.path} ${fault.message}.`);
      if (inCode.has(input.name)) throw new TypeError(`A schedule ${input.name} already exists.`);
      inCode.set(input.name, input);
    },

    async merge() {
      const present = new Map((await store.list()).map((schedule) => [schedule.name, schedule]));
      for (const input of inCode.values()) await mergeOne(input, present.get(input.name));
    },

    list: () => store.list(),
    get,

    async create(caller, input) {
      check({ ...definitionOf(input), createdAt: clock() }, { ticks: true });
      const { schedule, result } = await insert(caller, input, 'admin');
      if (result === 'name_taken') throw scheduleErrors.schedule_name_taken();
      return schedule;
    },

    async change(caller, id, input) {
      await write(id, async (schedule, at) => {
        demandVersion(caller, { version: schedule.revision });
        const { enabled = schedule.enabled, ...rest } = input;
        if (schedule.origin === 'code' && Object.keys(rest).length > 0) throw scheduleErrors.schedule_in_code();
        const definition = definitionOf({ ...schedule, ...rest, options: { ...schedule.options, ...rest.options } });
        const next = { ...schedule, ...definition, enabled };
        // A schedule that may not run any more can still be disabled, and one that has ended be renamed.
        const ticks = enabled && (!schedule.enabled || !isDeepStrictEqual(timesOf(schedule), timesOf(next)));
        const isDisabled = Object.keys(rest).length === 0 && !enabled;
        if (schedule.origin !== 'code' && !isDisabled) check(next, { ticks });
        const revision = schedule.revision + 1;
        const patch: SchedulePatch = { ...definition, enabled, revision, nextRunAt: nextAfter(schedule, next) };
        return store.patch(
          at,
          patch,
          describe(caller, 'schedule.changed', schedule, auditDiff(schedule, { ...definition, enabled })),
        );
      });
      return get(id);
    },

    async remove(caller, id) {
      await write(id, (schedule, at) => {
        demandVersion(caller, { version: schedule.revision });
        // A schedule that the code no longer defines may be removed.
        if (schedule.origin === 'code' && inCode.has(schedule.name)) throw scheduleErrors.schedule_in_code();
        const event = describe(caller, 'schedule.removed', schedule, { before: auditView(schedule), after: null });
        return store.remove(at, event);
      });
    },

    async run(caller, id) {
      let jobId = '';
      await write(id, (schedule, at) => {
        const { job, args, options, origin } = schedule;
        const fault = origin === 'code' ? null : internalFault(schedule);
        if (fault) throw platformErrors.validation_failed({ errors: [fault] });
        const event = describe(caller, 'schedule_run.requested', schedule, { job, args, options });
        jobId = jobs.idOf(job, event.id);
        return store.patch(at, { nextRunAt: nextAfter(schedule, schedule) }, event);
      });
      return jobId;
    },

    preview(timing, { count, from = clock() }) {
      const fault = timingFault(timing);
      if (fault) throw platformErrors.validation_failed({ errors: [fault] });
      const ticks: Date[] = [];
      for (let tick = nextTick(timing, from, from); tick !== null && ticks.length < count; ) {
        ticks.push(tick);
        tick = nextTick(timing, tick, from);
      }
      return ticks;
    },
  };
}

type Definition = Pick<ScheduleRecord, 'name' | 'job' | 'args' | 'timing' | 'options' | 'missed' | 'startAt' | 'endAt'>;

/** What decides when a schedule ticks. */
const timesOf = ({ timing, startAt, endAt }: Pick<Definition, 'timing' | 'startAt' | 'endAt'>) =>
  asJson({ timing, startAt, endAt });

function definitionOf(input: ScheduleInput): Definition {
  const { name, job, args = {}, timing, options = {}, missed = 'skip', startAt = null, endAt = null } = input;
  const { priority = 0, retries = null } = options;
  const trimmed = trimText(name) ?? name;
  return { name: trimmed, job, args, timing, options: { priority, retries }, missed, startAt, endAt };
}

/** What the audit log shows of a schedule. */
function auditView({
  name,
  job,
  args,
  timing,
  options,
  missed,
  startAt,
  endAt,
  enabled,
}: Definition & { enabled: boolean }) {
  return { name, job, args, timing, options, missed, startAt, endAt, enabled };
}

/** Each field that differs, before and after. */
function auditDiff(schedule: ScheduleRecord, next: Partial<ScheduleRecord>) {
  const fields = (Object.keys(next) as (keyof ScheduleRecord)[]).filter(
    (field) => !isDeepStrictEqual(asJson(schedule[field] ?? null), asJson(next[field] ?? null)),
  );
  const pick = (from: Partial<ScheduleRecord>) =>
    Object.fromEntries(fields.map((field) => [field, from[field] ?? null]));
  return { before: pick(schedule), after: pick(next) };
}
