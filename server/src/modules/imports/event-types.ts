import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'user.imported':
    'An import made an account; `source` names where it is from, and `externalId` who it was there. No mail follows.',
  'import.started': 'The operator began to import the people of a source, or went on with it.',
  'import.finished': 'An import came to its end; `made`, `present` and `skipped` count people.',
  'users.exported': 'The operator exported all accounts, with password hashes if `withHashes`.',
};
