import type { Logger } from 'pino';
import { type RouteCatalogue, rolesNamedBy } from '../../platform/http/catalogue.ts';
import { unmatched } from './privileges.ts';
import type { RoleRecord } from './role-store.ts';

/** Logs what may be misspelt: permissions in roles that match no route, and routes that require a role that does not exist. */
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
    if (unknown.length > 0)
      log.warn({ role, permissions: unknown }, `the role ${role} grants permissions that match no route`);
  }
  const known = new Set(roles.map(({ code }) => code));
  for (const { code, access } of catalogue.list()) {
    const missing = rolesNamedBy(access).filter((role) => !known.has(role));
    if (missing.length > 0) log.warn({ route: code, roles: missing }, `${code} requires a role that does not exist`);
  }
}
