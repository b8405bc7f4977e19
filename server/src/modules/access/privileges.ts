import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import { byMethod, covers, isExact } from './permission-pattern.ts';
import type { RoleRecord } from './role-store.ts';

/** What somebody may do, and so may hand on; or what a role would give. */
export interface Privileges {
  superadmin: boolean;
  permissions: readonly string[];
  /** Codes of roles that some route asks for by name: to be called so is power, too. */
  guardRoles: readonly string[];
}

export const SUPERADMIN_PRIVILEGES: Privileges = { superadmin: true, permissions: ['*'], guardRoles: [] };

/**
 * What these roles give together. Disabled ones count with `asIfEnabled`: whoever hands one on, or acts on somebody who has it, must
 * reckon with the day on which it is switched on.
 */
export function privilegesOf(
  roles: readonly Pick<RoleRecord, 'code' | 'enabled' | 'permissions'>[],
  catalogue: RouteCatalogue,
  { asIfEnabled }: { asIfEnabled: boolean },
): Privileges {
  const named = catalogue.guardRoles();
  const counting = roles.filter(({ enabled }) => enabled || asIfEnabled);
  return {
    superadmin: false,
    permissions: counting.flatMap(({ permissions }) => permissions),
    guardRoles: counting.map(({ code }) => code).filter((code) => named.has(code)),
  };
}

/** Whether who holds `held` holds all of `wanted`. Patterns are compared as patterns: they also stand for routes of tomorrow. */
export function holdsAll(held: Privileges, wanted: Privileges, catalogue: RouteCatalogue): boolean {
  if (held.superadmin) return true;
  if (wanted.superadmin) return false;
  const permissions = wanted.permissions.flatMap(byMethod);
  return (
    permissions.every((pattern) => grants(held.permissions, pattern, catalogue) !== undefined) &&
    wanted.guardRoles.every((code) => held.guardRoles.includes(code))
  );
}

/** The first of these patterns that gives all that `wanted`, a code or a pattern, stands for. */
export function grants(patterns: readonly string[], wanted: string, catalogue: RouteCatalogue): string | undefined {
  const route = isExact(wanted) ? catalogue.find(wanted) : undefined;
  if (!route) return patterns.find((pattern) => covers(pattern, wanted));
  const names = [route.code, ...route.formerly];
  if (route.sensitive) return patterns.find((pattern) => pattern === '*' || names.includes(pattern));
  return patterns.find((pattern) => names.some((name) => covers(pattern, name)));
}

/** Of a role's codes and patterns, those that no route of this server answers to: misspelt, or left over. */
export function unmatched(patterns: readonly string[], catalogue: RouteCatalogue): string[] {
  const codes = catalogue.list().map(({ code }) => code);
  return patterns.filter((pattern) => !codes.some((code) => grants([pattern], code, catalogue) !== undefined));
}
