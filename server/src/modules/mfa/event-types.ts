import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'factors.device_trusted': 'A user trusts a browser: it is asked for no second factor after the password.',
  'factors.devices_distrusted': 'A user trusts a browser, or any, no more.',
  'factors.reset_requested':
    'The second factors of a user will be reset at `effectiveAt`, as they (`by`: `owner`) or an administrator asked.',
  'factors.reset_cancelled': 'The reset was stopped: `by` the mailed `link`, an `administrator`, or a `factor`.',
  'factors.reset': 'All second factors of a user are gone. Their sessions were ended before.',
  'factors.recovery_refused':
    'A user asked to reset their second factors, which only an administrator may do for them. Nothing changed.',
};
