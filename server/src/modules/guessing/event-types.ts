import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'security.guessing_noticed': 'Passwords of many accounts are being guessed. Told once an hour.',
};
