import { defineErrors } from '../../platform/errors.ts';

export const accessErrors = defineErrors({
  power_exceeded: { status: 403, title: 'This requires privileges that you do not hold.' },
  self_protected: { status: 403, title: 'You cannot do this to your own account.' },
  last_superadmin: { status: 409, title: 'At least one superadmin must remain.' },
  role_not_found: { status: 404, title: 'No role has this id or code.' },
  route_not_found: { status: 404, title: 'No route has this method and path.' },
  role_code_taken: { status: 409, title: 'Another role already has this code.' },
  role_built_in: { status: 409, title: 'This role is built in and cannot be changed in this way.' },
});
