import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import { grants, grantsAll, type Privileges, roleScope } from '../access/privileges.ts';

const ROLE_SCOPE = roleScope('');

const isRoleScope = (scope: string): boolean => scope.startsWith(ROLE_SCOPE);
const patternsOf = (scopes: readonly string[]) => scopes.filter((scope) => !isRoleScope(scope));
const rolesOf = (scopes: readonly string[]) =>
  scopes.filter(isRoleScope).map((scope) => scope.slice(ROLE_SCOPE.length));

/** The scopes that open nothing: patterns that match no route for a permission, and roles that no route asks for. */
export function unknownScopes(scopes: readonly string[], catalogue: RouteCatalogue): string[] {
  const codes = catalogue
    .list()
    .filter(({ access }) => access === 'permission')
    .map(({ code }) => code);
  const roles = catalogue.guardRoles();
  return scopes.filter((scope) =>
    isRoleScope(scope)
      ? !roles.has(scope.slice(ROLE_SCOPE.length))
      : !codes.some((code) => grants([scope], code, catalogue) !== undefined),
  );
}

/** Whether some scope also opens routes that it does not name. */
export function isWide(scopes: readonly string[]): boolean {
  return patternsOf(scopes).some((scope) => scope.includes('*'));
}

/** Whether scopes open nothing that others do not open. */
export function coversScopes(outer: readonly string[], inner: readonly string[], catalogue: RouteCatalogue): boolean {
  return (
    grantsAll(patternsOf(outer), patternsOf(inner), catalogue) &&
    rolesOf(inner).every((role) => outer.includes(roleScope(role)))
  );
}

/** What somebody hands on with a key of these scopes. */
export function privilegesOfScopes(scopes: readonly string[]): Privileges {
  return { superadmin: false, permissions: patternsOf(scopes), guardRoles: rolesOf(scopes), scopes: null };
}
