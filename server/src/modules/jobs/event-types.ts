import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'job.retried': 'An administrator enqueued a failed or cancelled job again.',
  'job.cancelled': 'An administrator cancelled a job.',
  'job.removed': 'An administrator deleted a job.',
  'queue.paused': 'A queue was paused.',
  'queue.resumed': 'A queue was resumed.',
};
