import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'factors.totp_added': 'A user added an authenticator app.',
  'factors.totp_removed': 'A user removed an authenticator app. `last`: no second factor is left.',
  'factors.recovery_codes_made': 'A user got new recovery codes; the former ones are void.',
  'user.second_factor_failed':
    'Somebody gave the right password and then, three times or more, a wrong second factor; once a day for an account.',
  'factors.recovery_code_used': 'A recovery code was used in a sign-in; `left` are left.',
};
