import { type CatalogueRoute, type RouteCatalogue, rolesNamedBy } from '../../platform/http/catalogue.ts';
import type { UserRecord } from '../users/user-store.ts';
import { accessErrors } from './errors.ts';
import type { Grants } from './grants.ts';
import type { MfaDemand } from './names.ts';
import { grants as grantFor, roleScope } from './privileges.ts';

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
    | 'lacks_role'
    | 'key_not_live'
    | 'credential_refused'
    | 'out_of_scope';
  route: CatalogueRoute;
  /** All the user's roles. `grant`: the permission that matches the route, or the role's code if the route names it; null: neither. */
  roles: { id: string; code: string; enabled: boolean; mfa: MfaDemand; grant: string | null }[];
}

type Verdict = Pick<Explanation, 'allowed' | 'reason'>;

/** A credential by which the user would call. */
export interface ExplainedVia {
  scopes: readonly string[];
  /** Whether it is accepted at all now. */
  isLive: boolean;
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
  via: ExplainedVia | null = null,
): Promise<Explanation> {
  const route = catalogue.match(method, path);
  if (!route) throw accessErrors.route_not_found();
  const { access } = route;
  const held = await grants.rolesOf(user);
  const named = rolesNamedBy(access);
  const isSuperadmin = held.some(({ code, builtIn }) => builtIn && code === 'superadmin');
  const roles = held.map(({ id, code, enabled, mfa, permissions }) => {
    const pattern = access === 'permission' ? grantFor(permissions, route.code, catalogue) : undefined;
    return { id, code, enabled, mfa, grant: pattern ?? (named.includes(code) ? code : null) };
  });
  const verdict = judge();
  return { ...(via === null ? verdict : narrow(verdict, via, route)), route, roles };

  /** A credential takes away, and never gives. */
  function narrow(whole: Verdict, { scopes, isLive }: ExplainedVia, { admitsMachines, code }: CatalogueRoute): Verdict {
    if (access === 'public') return whole;
    if (!isLive) return { allowed: false, reason: 'key_not_live' };
    if (!admitsMachines) return { allowed: false, reason: 'credential_refused' };
    if (!whole.allowed || (access !== 'permission' && named.length === 0)) return whole;
    const holds = (role: string) => scopes.includes(roleScope(role));
    // For one of several roles, the roles and the scopes must have the same one.
    const counting = named.filter(
      (role) => isSuperadmin || roles.some(({ code, enabled }) => enabled && code === role),
    );
    const isWithin =
      access === 'permission'
        ? grantFor(scopes, code, catalogue) !== undefined
        : typeof access === 'object' && 'anyRole' in access
          ? counting.some(holds)
          : named.every(holds);
    return isWithin ? whole : { allowed: false, reason: 'out_of_scope' };
  }

  function judge(): Verdict {
    if (access === 'public') return { allowed: true, reason: 'open_to_all' };
    if (user.status !== 'active') return { allowed: false, reason: 'account_not_active' };
    if (access === 'optional') return { allowed: true, reason: 'open_to_all' };
    if (access === 'signedIn') return { allowed: true, reason: 'signed_in' };
    if (access === 'verified') {
      const verified = user.emailVerified || !verificationRequired;
      return { allowed: verified, reason: verified ? 'signed_in' : 'email_unverified' };
    }
    if (isSuperadmin) return { allowed: true, reason: 'superadmin' };
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
