import type { Caller } from '../../platform/http/caller.ts';
import type { EventStore } from './event-store.ts';
import type { EventInput, Events } from './events.ts';

/** Records events about things that are not records of the database. */
export type RecordEvent = (caller: Caller | null, input: EventInput) => Promise<void>;

/** The `seq` of such an event is its time; a second event of one millisecond gets the next number. */
export function createEventRecorder({ events, store }: { events: Events; store: EventStore }): RecordEvent {
  return async (caller, input) => {
    const event = events.describe(caller, input);
    for (let seq = event.at.getTime(); !(await store.record(event, seq)); seq++);
  };
}
