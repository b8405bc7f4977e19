import type { Logger } from 'pino';
import { type RouteCatalogue, rolesNamedBy } from '../../platform/http/catalogue.ts';
import { unmatched } from './privileges.ts';
import type { RoleRecord } from './role-store.ts';

/** Says in the log what grants nothing, and may be misspelt: codes in roles that no route has, and roles in guards that there are not. */
export function reportRoles({
  roles,
  catalogue,
  log,
}: {
  roles: readonly RoleRecord[];
  catalogue: RouteCatalogue;
  log: Logger;
}): void {
  for (const { code: role, permissions } of roles) {
    const unknown = unmatched(permissions, catalogue);
    if (unknown.length > 0) log.warn({ role, permissions: unknown }, `the role ${role} grants what no route asks for`);
  }
  const known = new Set(roles.map(({ code }) => code));
  for (const { code, access } of catalogue.list()) {
    const missing = rolesNamedBy(access).filter((role) => !known.has(role));
    if (missing.length > 0) log.warn({ route: code, roles: missing }, `${code} asks for a role that there is not`);
  }
}
