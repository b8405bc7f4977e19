import type { EventTypes } from '../events/event-store.ts';

/** The events of this module and what each means, for `docs/events.md`. */
export const eventTypes: EventTypes = {
  'api_key.created': 'A key was made, with these scopes and this end.',
  'api_key.changed': 'A key was made narrower, or got another name; `before` and `after` hold the changed fields.',
  'api_key.rotated': 'A key got a new secret; the former one works until `previousUntil`.',
  'api_key.revoked':
    '**One** key was ended; `reason` says why. Not told for keys that end with their person or account.',
  'api_key.expiring': 'The owners of a key were told that it ends in `days` days.',
  'api_key.used_from_new_network': 'A key was used from a network for the first time.',
  'api_key.network_refused':
    'A genuine key came from outside of its networks and was refused; told once a day at most.',
  'service_account.created': 'A service account was made.',
  'service_account.changed': 'A service account was changed, enabled or disabled.',
  'service_account.roles_changed': 'The roles of a service account were replaced.',
  'service_account.deleted': 'A service account was deleted; its keys ended.',
};
