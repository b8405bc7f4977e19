import type { Logger } from 'pino';
import { after, type Clock, HOUR, MINUTE, SECOND } from '../../platform/clock.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import type { EventRecord } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { ScheduleRecord, ScheduleStore } from './schedule-store.ts';
import { nextRun } from './timing.ts';

export interface Scheduler {
  /** Starts to follow the schedules. */
  start(): void;
  /** Fires due ticks; returns how many this instance took. */
  tick(): Promise<number>;
  stop(): Promise<void>;
}

/** Changes are seen within this time. */
const LOOK_EVERY = 1 * SECOND;
/** A later tick was missed: no instance ran, or the clock jumped. */
const TOLERANCE = 1 * MINUTE;
/** A change this far in the future was made under a clock that was ahead; the next run may be as wrong. */
const AHEAD = 1 * HOUR;

/**
 * Fires each tick of each schedule once, by the first instance that sees it: the winner moves `nextRunAt` on, and the event in the same
 * write becomes the job. A process that dies in between has done both or neither.
 */
export function createScheduler(deps: {
  store: ScheduleStore;
  events: Events;
  jobs: Jobs;
  clock: Clock;
  log: Logger;
}): Scheduler {
  const { store, events, jobs, clock, log } = deps;
  const outage = createOutageLog(log, 'following the schedules');
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<number> | null = null;
  let stopped = false;

  async function advance(schedule: ScheduleRecord, now: Date): Promise<boolean> {
    const { id, version, nextRunAt, job, args, options } = schedule;
    if (nextRunAt === null) return false;
    const at = { id, version, now };
    const describe = (type: string, data: object) =>
      events.describe(null, { type, target: `schedule:${id}`, data: { ...data } });

    if (nextRunAt > now) {
      const patch = { nextRunAt: nextRun(schedule, now) };
      const event = describe('schedule.reset', { reason: 'it was changed under a clock that was ahead' });
      await store.patch(at, patch, event);
      return false;
    }
    const isMissed = now.getTime() - nextRunAt.getTime() > TOLERANCE;
    // One that a person made before the job was internal, or in another version.
    const isRefused = schedule.origin === 'admin' && !jobs.schedulable().includes(job);
    const runs = !isRefused && (!isMissed || schedule.missed === 'runOnce');
    const patch = {
      nextRunAt: nextRun(schedule, isMissed ? now : nextRunAt),
      ...(runs && { lastRunAt: nextRunAt }),
    };
    const data = {
      scheduledFor: nextRunAt.toISOString(),
      ...(runs && { job, args, options, late: isMissed }),
      ...(isRefused && { reason: 'people may not schedule this job' }),
    };
    const event = describe(runs ? 'schedule_run.due' : 'schedule_run.missed', data);
    return (await store.patch(at, patch, event)) === 'ok' && runs;
  }

  async function fireDue(): Promise<number> {
    let fired = 0;
    for (;;) {
      const now = clock();
      const due = await store.due(now, after(now, AHEAD), jobs.names());
      if (due.length === 0 || stopped) return fired;
      for (const schedule of due) if (await advance(schedule, now)) fired++;
    }
  }

  function tick(): Promise<number> {
    running ??= fireDue().finally(() => {
      running = null;
    });
    return running;
  }

  function lookAndWait(): void {
    clearTimeout(timer);
    tick()
      .then(outage.worked, outage.failed)
      // Schedules of unknown jobs are never late here, and must not keep this loop busy.
      .then(() => store.nextDueAt(jobs.names()))
      .then(
        (dueAt) => (dueAt === null ? LOOK_EVERY : dueAt.getTime() - clock().getTime()),
        () => LOOK_EVERY,
      )
      .then((wait) => {
        if (!stopped) timer = setTimeout(lookAndWait, Math.max(10, Math.min(wait, LOOK_EVERY))).unref();
      });
  }

  async function enqueue(event: EventRecord): Promise<void> {
    const { job, args, options } = event.data as Pick<ScheduleRecord, 'job' | 'args' | 'options'>;
    // Another instance may know the job: the event waits for that one.
    const faults = jobs.faultsOf(job, args);
    if (faults === null) throw new Error(`This instance does not know the job ${job}.`);
    if (faults.length > 0) {
      log.error(
        { eventId: event.id, job, faults },
        'the arguments of a schedule do not fit its job any more; it does not run',
      );
      return;
    }
    const { priority, retries } = options;
    await jobs.enqueue(job, args, { key: event.id, promised: true, priority, ...(retries !== null && { retries }) });
  }

  events.on('schedule_run.due', 'job', enqueue);
  events.on('schedule_run.requested', 'job', enqueue);

  return {
    start: lookAndWait,
    tick,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running?.catch(() => {});
    },
  };
}
