import { defineErrors } from '../../platform/errors.ts';

export const accessErrors = defineErrors({
  power_exceeded: { status: 403, title: 'This goes beyond what you may do yourself.' },
  self_protected: { status: 403, title: 'Nobody does this to themselves.' },
  last_superadmin: { status: 409, title: 'There must be a superadmin.' },
  role_not_found: { status: 404, title: 'There is no such role.' },
  route_not_found: { status: 404, title: 'No route of this server answers to that.' },
  role_code_taken: { status: 409, title: 'There is a role with this code already.' },
  role_built_in: { status: 409, title: 'This role belongs to the server and stays as it is.' },
});
