import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'schedule.created': 'A schedule was created, by an administrator or the code.',
  'schedule.changed': 'A schedule was changed.',
  'schedule.removed': 'A schedule was deleted.',
  'schedule.reset': 'The next run was computed anew, because it was set under a clock that was ahead.',
  'schedule_run.due': 'A schedule ticked: its job follows.',
  'schedule_run.missed': 'A tick came too late or may not run (`reason`); no job follows.',
  'schedule_run.requested': 'An administrator ran a schedule now: its job follows.',
};
