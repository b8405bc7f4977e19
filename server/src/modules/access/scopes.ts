import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import { grants, grantsAll, type Privileges, roleScope } from './privileges.ts';

/** What the scopes of a credential say: patterns of permissions as roles use them, and `role:…` for guards by role. */
export interface Scopes {
  /** The scopes that open nothing: patterns that match no route for a permission, and roles that no route asks for. */
  unknown(scopes: readonly string[]): string[];
  /** Whether some scope also opens routes that it does not name. */
  isWide(scopes: readonly string[]): boolean;
  /** Whether the inner ones open nothing that the outer ones do not open. */
  covers(outer: readonly string[], inner: readonly string[]): boolean;
}

const ROLE_SCOPE = roleScope('');

const isRoleScope = (scope: string): boolean => scope.startsWith(ROLE_SCOPE);
const patternsOf = (scopes: readonly string[]) => scopes.filter((scope) => !isRoleScope(scope));
const rolesOf = (scopes: readonly string[]) =>
  scopes.filter(isRoleScope).map((scope) => scope.slice(ROLE_SCOPE.length));

/** Reads scopes against the routes of this server. */
export function createScopes({ catalogue }: { catalogue: RouteCatalogue }): Scopes {
  return {
    unknown(scopes) {
      const guarded = catalogue.list().filter(({ access }) => access === 'permission');
      const roles = catalogue.guardRoles();
      return scopes.filter((scope) =>
        isRoleScope(scope)
          ? !roles.has(scope.slice(ROLE_SCOPE.length))
          : !guarded.some(({ code }) => grants([scope], code, catalogue) !== undefined),
      );
    },

    isWide: (scopes) => patternsOf(scopes).some((scope) => scope.includes('*')),

    covers: (outer, inner) =>
      grantsAll(patternsOf(outer), patternsOf(inner), catalogue) &&
      rolesOf(inner).every((role) => outer.includes(roleScope(role))),
  };
}

/** What somebody hands on with a credential of these scopes. */
export function privilegesOfScopes(scopes: readonly string[]): Privileges {
  return { superadmin: false, permissions: patternsOf(scopes), guardRoles: rolesOf(scopes), scopes: null };
}
