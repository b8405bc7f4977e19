import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Lists } from '../../platform/http/paging.ts';
import type { Part } from '../../platform/http/part.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import type { JobQueue } from '../../platform/queue/queue.ts';
import type { EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import { createPeriodic, type Periodic } from './periodic.ts';
import { scheduleRoutes } from './routes.ts';
import type { ScheduleStore } from './schedule-store.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';
import { createSchedules as createScheduleList, type Schedules } from './schedules.ts';

export type { Scheduler } from './scheduler.ts';

export interface Scheduling {
  schedules: Schedules;
  scheduler: Scheduler;
  /** For modules: registers a periodic job of their own. */
  periodic: Periodic;
  part: Part;
}

/** Periodic jobs: `createSchedules({ ...ground, store: storage.schedules, eventStore: storage.events, jobs, queue, list })`. */
export function createSchedules(deps: {
  store: ScheduleStore;
  eventStore: EventStore;
  events: Events;
  jobs: Jobs;
  queue: JobQueue;
  list: Lists;
  clock: Clock;
  log: Logger;
}): Scheduling {
  const { eventStore, jobs, queue, list } = deps;
  const schedules = createScheduleList(deps);
  return {
    schedules,
    scheduler: createScheduler(deps),
    periodic: createPeriodic({ jobs, schedules }),
    part: { routes: [scheduleRoutes({ schedules, eventStore, jobs, queue, list })] },
  };
}
