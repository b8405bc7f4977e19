import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'factors.passkey_added': 'A user has a new passkey. `silent`: the browser made it after a sign-in, without asking.',
  'factors.passkey_renamed': 'A user renamed a passkey.',
  'factors.passkey_removed':
    'A passkey was removed, by its user or an administrator. `last`: no second factor is left.',
  'passkey.suspected': 'A passkey was refused because its counter fell, so that somebody may have a copy of it.',
};
