import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'user.created': 'An administrator, the setup or the command line created an account with a password.',
  'user.activated': 'A disabled account may sign in again. Its ended sessions stay ended.',
  'user.deactivated':
    'An account was disabled. **All its sessions have ended**, without events of their own. `by: old_address`: by the link in the mail about a new address.',
  'user.restored': 'A deleted account is back, with the status from before.',
  'user.erased':
    'An account is erased for good, and its sessions with it. Whoever keeps data of the user deletes it after this event.',
  'user.unlocked': 'The failed sign-ins that delay further ones were forgotten.',
  'user.temporary_password_set': 'An administrator set a password that must be changed. **All sessions have ended.**',
  'user.email_move_requested': 'An administrator gave an account another address, which waits until `takesEffectAt`.',
  'user.email_move_stopped': 'An address that waited was cancelled, or stopped by the old address.',
  'user.email_move_failed': 'An address that waited was not given: somebody else has it.',
};
