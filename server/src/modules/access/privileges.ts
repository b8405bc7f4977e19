import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import { byMethod, covers, isExact } from './permission-pattern.ts';
import type { RoleRecord } from './role-store.ts';

/** What somebody may do, and so may hand on; or what a role would give. */
export interface Privileges {
  superadmin: boolean;
  permissions: readonly string[];
  /** Codes of roles that some route asks for by name: to be called so is power, too. */
  guardRoles: readonly string[];
  /** What the credential in use is limited to, `role:…` for roles; null: no limit. All that is held lies within. */
  scopes: readonly string[] | null;
}

export const SUPERADMIN_PRIVILEGES: Privileges = {
  superadmin: true,
  permissions: ['*'],
  guardRoles: [],
  scopes: null,
};

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
    scopes: null,
  };
}

/**
 * Whether who holds `held` holds all of `wanted`. Patterns are compared as patterns: they also stand for routes of tomorrow. What a
 * scope of `wanted` takes away counts as if it were there.
 */
export function holdsAll(held: Privileges, wanted: Privileges, catalogue: RouteCatalogue): boolean {
  if (wanted.superadmin) return held.superadmin && held.scopes === null;
  const permissions = wanted.permissions.flatMap(byMethod);
  const roles = wanted.guardRoles;
  const allIn = (patterns: readonly string[]) =>
    permissions.every((pattern) => grants(patterns, pattern, catalogue) !== undefined);
  // All that lies in both lies in what both have in common.
  const { scopes } = held;
  if (scopes !== null && !(allIn(scopes) && roles.every((code) => scopes.includes(roleScope(code))))) return false;
  return held.superadmin || (allIn(held.permissions) && roles.every((code) => held.guardRoles.includes(code)));
}

/** The scope that stands for a role which routes ask for by name. */
export function roleScope(code: string): string {
  return `role:${code}`;
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
