import { type CatalogueRoute, type RouteCatalogue, rolesNamedBy } from '../../platform/http/catalogue.ts';
import type { UserRecord } from '../users/user-store.ts';
import { accessErrors } from './errors.ts';
import type { Grants } from './grants.ts';
import type { MfaDemand } from './names.ts';
import { grants as grantFor } from './privileges.ts';

export interface Explanation {
  allowed: boolean;
  reason:
    | 'open_to_all'
    | 'signed_in'
    | 'superadmin'
    | 'granted'
    | 'has_role'
    | 'account_not_active'
    | 'email_unverified'
    | 'no_grant'
    | 'lacks_role';
  route: CatalogueRoute;
  /** All the user's roles. `grant`: the permission that matches the route, or the role's code if the route names it; null: neither. */
  roles: { id: string; code: string; enabled: boolean; mfa: MfaDemand; grant: string | null }[];
}

/** Explains why a user may or may not call a route. `path`: a real path or a template. Throws `route_not_found`. */
export async function explain(
  {
    grants,
    catalogue,
    verificationRequired,
  }: { grants: Grants; catalogue: RouteCatalogue; verificationRequired: boolean },
  user: UserRecord,
  method: string,
  path: string,
): Promise<Explanation> {
  const route = catalogue.match(method, path);
  if (!route) throw accessErrors.route_not_found();
  const { access } = route;
  const held = await grants.rolesOf(user);
  const named = rolesNamedBy(access);
  const roles = held.map(({ id, code, enabled, mfa, permissions }) => {
    const pattern = access === 'permission' ? grantFor(permissions, route.code, catalogue) : undefined;
    return { id, code, enabled, mfa, grant: pattern ?? (named.includes(code) ? code : null) };
  });
  const verdict = judge();
  return { ...verdict, route, roles };

  function judge(): Pick<Explanation, 'allowed' | 'reason'> {
    if (access === 'public') return { allowed: true, reason: 'open_to_all' };
    if (user.status !== 'active') return { allowed: false, reason: 'account_not_active' };
    if (access === 'optional') return { allowed: true, reason: 'open_to_all' };
    if (access === 'signedIn') return { allowed: true, reason: 'signed_in' };
    if (access === 'verified') {
      const verified = user.emailVerified || !verificationRequired;
      return { allowed: verified, reason: verified ? 'signed_in' : 'email_unverified' };
    }
    const superadmin = held.some(({ code, builtIn }) => builtIn && code === 'superadmin');
    if (superadmin) return { allowed: true, reason: 'superadmin' };
    const counting = roles.filter(({ enabled, grant }) => enabled && grant !== null);
    if (access === 'permission') {
      const granted = counting.length > 0;
      return { allowed: granted, reason: granted ? 'granted' : 'no_grant' };
    }
    const has = (code: string) => counting.some((role) => role.code === code);
    const enough = 'anyRole' in access ? access.anyRole.some(has) : access.allRoles.every(has);
    return { allowed: enough, reason: enough ? 'has_role' : 'lacks_role' };
  }
}
