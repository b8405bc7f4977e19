import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'role.created': 'A role was created.',
  'role.changed': 'A role was changed, for everybody who has it; `before` and `after` hold the changed fields.',
  'role.deleted': 'A role was deleted. Users keep its id, which grants nothing: no event for each user follows.',
  'superadmin.granted': 'A user became a superadmin. `superadmins:all` is the one record of all of them.',
  'superadmin.revoked': 'A user is no superadmin any more.',
  'superadmin.grants_fenced':
    'A user was checked not to be a superadmin, before they are disabled or deleted. Nothing changed.',
  'superadmin.setup_offered': 'A setup link was printed, because there is no superadmin.',
  'user.superadmin_marked': 'A user may become a superadmin with the next write. Says nothing about who is one.',
  'user.superadmin_unmarked': 'The mark was taken back.',
  'user.roles_changed': 'The roles of a user were replaced; the role of superadmins has events of its own.',
};
