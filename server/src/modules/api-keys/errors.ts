import { defineErrors } from '../../platform/errors.ts';

export const apiKeyErrors = defineErrors({
  api_keys_off: {
    status: 403,
    title: 'This server takes no API keys.',
    help: 'Whoever runs the server can set `API_KEYS=on`. Keys that exist can be listed and revoked meanwhile.',
  },
  scope_unknown: {
    status: 400,
    title: 'A scope opens nothing on this server.',
    fields: ['scopes'],
    help: 'A scope is the code of a route that asks for a permission, a pattern of such codes, or `role:` and a role that some route asks for. Routes about your own account and sessions are for people only, and no scope opens them. `GET /api/v1/admin/routes` lists all codes.',
  },
  key_widened: {
    status: 400,
    title: 'A key can only become narrower.',
    help: 'Scopes must lie within the present ones, networks too, and the end cannot be later. Make a new key for more, or rotate this one for a later end.',
  },
  key_limit: {
    status: 409,
    title: 'There are too many keys already.',
    help: 'A person or service account has at most 50 live keys. Revoke one that is not used any more.',
  },
  key_rotated: {
    status: 409,
    title: 'The key was rotated or changed a moment ago.',
    help: 'Its former secret still works, or somebody was faster. Wait until `previousUntil`, or rotate with `"overlap": "0s"`, which ends the former secret at once.',
  },
  service_account_not_found: {
    status: 404,
    title: 'No service account has this id.',
    help: 'It never existed, or was deleted; a deleted one cannot be restored.',
  },
});
