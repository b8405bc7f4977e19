import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'session.started': 'Somebody signed in.',
  'session.refreshed': 'A session went on with new tokens.',
  'session.client_changed': 'A session went on with new tokens, for another client than the one that it began with.',
  'session.elevated': 'A further step was proved in a session.',
  'session.reauthenticated': 'The password was proved again in a session.',
  'session.ended':
    '**One** session has ended, by itself; `reason` says why. Not told for sessions that end together with others, nor for those that expire.',
  'session.reuse_detected': 'A refresh token was used that had been replaced long ago: the session has ended.',
};
