import type { Caller } from '../../platform/http/caller.ts';
import type { EventStore } from './event-store.ts';
import type { EventInput, Events } from './events.ts';

/** Writes into the history what happened to something that is no record of the database. */
export type RecordEvent = (caller: Caller | null, input: EventInput) => Promise<void>;

/** Such events count by their time; two of one millisecond follow each other. */
export function createEventRecorder({ events, store }: { events: Events; store: EventStore }): RecordEvent {
  return async (caller, input) => {
    const event = events.describe(caller, input);
    for (let seq = event.at.getTime(); !(await store.record(event, seq)); seq++);
  };
}
