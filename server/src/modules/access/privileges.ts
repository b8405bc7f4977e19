import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import { byMethod, covers, isExact } from './permission-pattern.ts';
import type { RoleRecord } from './role-store.ts';

/** What somebody holds, and so may grant to others; or what a role would grant. */
export interface Privileges {
  superadmin: boolean;
  permissions: readonly string[];
  /** Codes of roles that some route requires by name: having such a role is a privilege in itself. */
  guardRoles: readonly string[];
  /** The scopes that limit the credential, `role:…` for roles; null: no limit. Only what they cover is held. */
  scopes: readonly string[] | null;
}

/** The privileges of superadmins and of the operator. */
export const SUPERADMIN_PRIVILEGES: Privileges = {
  superadmin: true,
  permissions: ['*'],
  guardRoles: [],
  scopes: null,
};

/**
 * What these roles grant together. `asIfEnabled` counts disabled roles, too: use it for granting a role and for acting on a user who has
 * it, because it may be enabled later.
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
 * Whether `held` includes all of `wanted`. Patterns are compared with patterns, because they also cover future routes. The scopes of
 * `wanted` are ignored: what they take away still counts.
 */
export function holdsAll(held: Privileges, wanted: Privileges, catalogue: RouteCatalogue): boolean {
  if (wanted.superadmin) return held.superadmin && held.scopes === null;
  const roles = wanted.guardRoles;
  const allIn = (patterns: readonly string[]) => grantsAll(patterns, wanted.permissions, catalogue);
  // What is held is what roles and scopes have in common, so `wanted` must lie within both.
  const { scopes } = held;
  if (scopes !== null && !(allIn(scopes) && roles.every((code) => scopes.includes(roleScope(code))))) return false;
  return held.superadmin || (allIn(held.permissions) && roles.every((code) => held.guardRoles.includes(code)));
}

/** Whether the first patterns cover everything that the second ones do. */
export function grantsAll(patterns: readonly string[], wanted: readonly string[], catalogue: RouteCatalogue): boolean {
  return wanted.flatMap(byMethod).every((pattern) => grants(patterns, pattern, catalogue) !== undefined);
}

/** The scope for a role that routes require by name. */
export function roleScope(code: string): string {
  return `role:${code}`;
}

/** The first of these patterns that covers all of `wanted`, a code or a pattern. Only the exact code or `*` covers a sensitive route. */
export function grants(patterns: readonly string[], wanted: string, catalogue: RouteCatalogue): string | undefined {
  const route = isExact(wanted) ? catalogue.find(wanted) : undefined;
  if (!route) return patterns.find((pattern) => covers(pattern, wanted));
  const names = [route.code, ...route.formerly];
  if (route.sensitive) return patterns.find((pattern) => pattern === '*' || names.includes(pattern));
  return patterns.find((pattern) => names.some((name) => covers(pattern, name)));
}

/** The codes and patterns that match no route of this server: misspelt, or of a route that was removed. */
export function unmatched(patterns: readonly string[], catalogue: RouteCatalogue): string[] {
  const codes = catalogue.list().map(({ code }) => code);
  return patterns.filter((pattern) => !codes.some((code) => grants([pattern], code, catalogue) !== undefined));
}
