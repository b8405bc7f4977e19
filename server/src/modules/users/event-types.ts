import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'user.profile_changed': 'Fields of an account were changed, other than its address.',
  'user.avatar_changed': 'A user has another avatar, or none; the former one is deleted.',
  'user.email_change_requested': 'A user asked for another address, or for the code of their present one.',
  'user.email_changed': 'An account has another address.',
  'user.sessions_ended':
    '**All sessions of a user have ended** at once, by `logout-all`, by `DELETE /sessions` or by an administrator; `kept` is the one that goes on. No `session.ended` follows.',
  'user.locked_down':
    'A user locked their account down: **all sessions, API keys, OAuth grants and trusted devices have ended** at once.',
  'user.deleted': 'An account was deleted, restorable for 30 days. **All its sessions have ended.**',
};
