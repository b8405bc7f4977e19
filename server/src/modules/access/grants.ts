import type { Snapshot } from '../../platform/cache/snapshot.ts';
import { createSnapshot } from '../../platform/cache/snapshot.ts';
import type { Actor, Subject } from '../../platform/http/caller.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import type { Authorize, Decision, Need } from '../../platform/http/guard.ts';
import type { ActorRate, RateOf } from '../../platform/http/limits.ts';
import { BUILT_IN } from './built-in-roles.ts';
import { grants, type Privileges, privilegesOf, roleScope, SUPERADMIN_PRIVILEGES } from './privileges.ts';
import type { RoleRecord, RoleStore } from './role-store.ts';
import type { Superadmins } from './superadmins.ts';

export type Holder = { id: string; roleIds: readonly string[] };

export interface Grants {
  /**
   * Decides whether the actor's roles grant what is needed, within the scopes of the credential. Answers without a promise and without
   * matching patterns if the same roles and scopes were seen before.
   */
  authorize: Authorize;
  /** The most generous rate of the actor's enabled roles; null if none has one. */
  rateOf: RateOf;
  /** The largest quota of the holder's enabled roles, of bytes and of files each; null if none has one. */
  fileQuotaOf(holder: Holder): Promise<RoleRecord['fileQuota']>;
  /** All existing roles of a holder, disabled ones included; `superadmin` first. */
  rolesOf(holder: Holder): Promise<RoleRecord[]>;
  /** Codes of the holder's enabled roles; no promise where they are remembered. */
  roleCodesOf(holder: Holder): string[] | Promise<string[]>;
  /** The holder's privileges now, read from the database. */
  heldBy(holder: Holder): Promise<Privileges>;
  /** The holder's privileges if all their roles were enabled, read from the database: a caller must hold these to act on them. */
  weightOf(holder: Holder): Promise<Privileges>;
  /** All roles, from memory. */
  roles(): Promise<readonly RoleRecord[]>;
  evict(target: string): void;
  /** Forgets everything. */
  clear(): void;
}

/** What a set of roles grants, computed once. */
interface Compiled {
  codes: ReadonlySet<string>;
  permissions: ReadonlySet<string>;
  rate: ActorRate | null;
}

/** What the scopes of a credential allow, computed once. */
type CompiledScopes = Pick<Compiled, 'codes' | 'permissions'>;

/** Decides what roles allow. The codes that a set of roles grants are computed once, and again after a role has changed. */
export function createGrants(deps: { store: RoleStore; superadmins: Superadmins; catalogue: RouteCatalogue }): Grants {
  const { store, superadmins, catalogue } = deps;
  const roles: Snapshot<readonly RoleRecord[]> = createSnapshot(() => store.list());
  // Keyed by the array itself: it lives as long as the cached state of its user, who gets a new array with other roles.
  let bySet = new WeakMap<readonly string[], Compiled>();
  // Shared by all users with the same roles.
  let byIds = new Map<string, Compiled>();
  // Never cleared: it depends on no role, and the routes are complete once the server is ready.
  const byScopes = new WeakMap<readonly string[], CompiledScopes>();

  function forget(): void {
    roles.evict();
    bySet = new WeakMap();
    byIds = new Map();
  }

  function compile(all: readonly RoleRecord[], roleIds: readonly string[]): Compiled {
    const key = [...roleIds].sort().join(' ');
    const counting = all.filter(({ id, enabled }) => enabled && roleIds.includes(id));
    const patterns = counting.flatMap(({ permissions }) => permissions);
    const compiled = byIds.get(key) ?? {
      codes: new Set(counting.map(({ code }) => code)),
      permissions: codesWithin(patterns),
      rate: mostGenerous(counting),
    };
    byIds.set(key, compiled);
    bySet.set(roleIds, compiled);
    return compiled;
  }

  /** The codes of all routes that these patterns grant. */
  function codesWithin(patterns: readonly string[]): ReadonlySet<string> {
    const codes = catalogue.list().map(({ code }) => code);
    return new Set(codes.filter((code) => grants(patterns, code, catalogue) !== undefined));
  }

  function compiledScopes(scopes: readonly string[]): CompiledScopes {
    const known = byScopes.get(scopes);
    if (known !== undefined) return known;
    const prefix = roleScope('');
    const [roleScopes, patterns] = [scopes.filter(isRoleScope), scopes.filter((scope) => !isRoleScope(scope))];
    const compiled = {
      codes: new Set(roleScopes.map((scope) => scope.slice(prefix.length))),
      permissions: codesWithin(patterns),
    };
    byScopes.set(scopes, compiled);
    return compiled;
  }

  async function load(roleIds: readonly string[]): Promise<Compiled> {
    const all = await roles.get();
    // Cached only if it is still current: a role that changed during the read has emptied the snapshot.
    if (roles.peek() === all) return compile(all, roleIds);
    return load(roleIds);
  }

  const given = (all: readonly RoleRecord[], { roleIds }: Holder) => all.filter(({ id }) => roleIds.includes(id));

  async function rolesOf(holder: Holder): Promise<RoleRecord[]> {
    const all = roles.peek() ?? (await roles.get());
    const isSuperadmin = superadmins.peek(holder.id) ?? (await superadmins.has(holder.id));
    return rolesAmong(all, holder, isSuperadmin);
  }

  function rolesAmong(all: readonly RoleRecord[], holder: Holder, isSuperadmin: boolean): RoleRecord[] {
    const first = isSuperadmin ? all.filter(({ id }) => id === BUILT_IN.superadmin) : [];
    return [...first, ...given(all, holder)];
  }

  const enabledCodes = (all: RoleRecord[]) => all.filter(({ enabled }) => enabled).map(({ code }) => code);

  /** Reads from the database: a decision about other users must not rest on a memory that may be a second old. */
  async function privilegesNow(holder: Holder, asIfEnabled: boolean): Promise<Privileges> {
    const [{ userIds }, all] = await Promise.all([superadmins.read(), store.list()]);
    if (userIds.includes(holder.id)) return SUPERADMIN_PRIVILEGES;
    return privilegesOf(given(all, holder), catalogue, { asIfEnabled });
  }

  /** `compiled`: null for superadmins, who hold every role and permission. */
  function decide({ scopes }: Actor, need: Need, compiled: Compiled | null): Decision {
    const granted = compiled === null ? [] : [compiled];
    if (!admits(granted, need)) return 'not_granted';
    if (scopes === null) return 'granted';
    return admits([...granted, compiledScopes(scopes)], need) ? 'granted' : 'out_of_scope';
  }

  async function authorizeSlowly(actor: Actor, need: Need): Promise<Decision> {
    if (await isSuperadmin(actor.subject)) return decide(actor, need, null);
    return decide(actor, need, bySet.get(actor.roleIds) ?? (await load(actor.roleIds)));
  }

  /** Only persons can be superadmins; a service account never is one, whatever its id. */
  const isSuperadmin = async ({ kind, id }: Subject) => kind === 'person' && (await superadmins.has(id));
  const peekSuperadmin = ({ kind, id }: Subject) => (kind === 'person' ? superadmins.peek(id) : false);

  /** Also right for superadmins, whose role is not in `roleIds`. */
  async function rateSlowly(holder: Holder): Promise<ActorRate | null> {
    await load(holder.roleIds);
    return mostGenerous((await rolesOf(holder)).filter(({ enabled }) => enabled));
  }

  return {
    authorize(actor, need) {
      const superadmin = peekSuperadmin(actor.subject);
      if (superadmin === true) return decide(actor, need, null);
      const compiled = bySet.get(actor.roleIds);
      if (superadmin === undefined || compiled === undefined) return authorizeSlowly(actor, need);
      return decide(actor, need, compiled);
    },

    rateOf({ subject, roleIds }) {
      const compiled = bySet.get(roleIds);
      if (compiled !== undefined && peekSuperadmin(subject) === false) return compiled.rate;
      return rateSlowly({ id: subject.id, roleIds });
    },

    async fileQuotaOf(holder) {
      const enabled = (await rolesOf(holder)).filter((role) => role.enabled);
      const quotas = enabled.flatMap(({ fileQuota }) => fileQuota ?? []);
      if (quotas.length === 0) return null;
      const largest = (pick: (quota: (typeof quotas)[number]) => number) => Math.max(...quotas.map(pick));
      return { bytes: largest(({ bytes }) => bytes), files: largest(({ files }) => files) };
    },

    rolesOf,
    roleCodesOf(holder) {
      const all = roles.peek();
      const isSuperadmin = superadmins.peek(holder.id);
      if (all === undefined || isSuperadmin === undefined) return rolesOf(holder).then(enabledCodes);
      return enabledCodes(rolesAmong(all, holder, isSuperadmin));
    },

    heldBy: (holder) => privilegesNow(holder, false),
    weightOf: (holder) => privilegesNow(holder, true),
    roles: () => roles.get(),

    evict(target) {
      if (target.startsWith('role:')) forget();
    },
    clear: forget,
  };
}

/** Whether each of these sets has what is needed; for `anyRole`, all of them must have the same role. */
function admits(sets: readonly CompiledScopes[], need: Need): boolean {
  if ('permission' in need) return sets.every(({ permissions }) => permissions.has(need.permission));
  const has = (role: string) => sets.every(({ codes }) => codes.has(role));
  return 'anyRole' in need ? need.anyRole.some(has) : need.allRoles.every(has);
}

const isRoleScope = (scope: string): boolean => scope.startsWith(roleScope(''));

function mostGenerous(roles: readonly RoleRecord[]): ActorRate | null {
  const rates = roles.flatMap(({ rateLimit }) => rateLimit ?? []);
  const perSecond = ({ max, windowSeconds }: ActorRate) => max / windowSeconds;
  return rates.reduce<ActorRate | null>(
    (best, rate) => (best && perSecond(best) >= perSecond(rate) ? best : rate),
    null,
  );
}
