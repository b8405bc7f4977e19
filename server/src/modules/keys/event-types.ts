import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'key.created': 'A key was created; `status` says whether it signs already.',
  'key.activated': 'The next key took over from the active one.',
  'key.removed': 'A key was removed, because it had retired or was revoked: what it signed is void.',
};
