import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'email_sign_in.requested':
    'A mail that signs in was asked for. The target is a challenge, whether or not an account has the address.',
  'email_sign_in.code_resent': 'The same mail was asked for again, by the browser that began.',
  'user.claimed':
    'The mailbox of an account with an unverified address was proved for the first time. **Its password is gone, and all sessions, keys and factors have ended.**',
};
