import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'registration.started': 'Somebody registered; the address is not verified, and there is no account yet.',
  'registration.code_resent': 'The code of a registration was asked for again.',
  'password_reset.requested':
    'A reset link was asked for. The target is a challenge, whether or not an account has the address.',
  'user.registered': 'A registration became an account.',
  'user.invited': 'An account was created by an invitation, or the invitation was mailed again.',
  'user.invitation_accepted': 'An invited person set their first password.',
  'user.password_changed': 'A user replaced their password. **All other sessions have ended.**',
  'user.password_reset': 'A password was replaced by a mailed link. **All sessions have ended.**',
  'user.sign_in_blocked': 'Sign-ins to an account wait, because its password is being guessed. Told once a day.',
};
