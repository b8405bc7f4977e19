import { permissionCode } from '../../platform/http/catalogue.ts';

const USER = '/api/v1/admin/users/:id';
const action = (name: string) => permissionCode('POST', `${USER}/${name}`);

/** The permissions of the routes for one user: whoever lacks one must not do the same by another route. */
export const PERMISSIONS = {
  patch: permissionCode('PATCH', USER),
  delete: permissionCode('DELETE', USER),
  setRoles: permissionCode('PUT', `${USER}/roles`),
  activate: action('activate'),
  deactivate: action('deactivate'),
  restore: action('restore'),
  unlock: action('unlock'),
  'password-reset': action('password-reset'),
  temporaryPassword: action('temporary-password'),
} as const;
