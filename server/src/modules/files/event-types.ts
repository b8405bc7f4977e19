import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'file.created': 'A user announced a file, and got URLs to upload it.',
  'file.completed': 'A file has arrived as it was announced.',
  'file.deleted':
    'A file was deleted, and its bytes are removed from the storage. `reason`: `owner`, `unfinished` (given up after a day), `refused` (not what was announced), `replaced` (an avatar), `quota`, or `erased` (with its account).',
};
