import type { Snapshot } from '../../platform/cache/snapshot.ts';
import { createSnapshot } from '../../platform/cache/snapshot.ts';
import type { Actor } from '../../platform/http/caller.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import type { Authorize } from '../../platform/http/guard.ts';
import type { ActorRate, RateOf } from '../../platform/http/limits.ts';
import { BUILT_IN } from './built-in-roles.ts';
import { grants, type Privileges, privilegesOf, SUPERADMIN_PRIVILEGES } from './privileges.ts';
import type { RoleRecord, RoleStore } from './role-store.ts';
import type { Superadmins } from './superadmins.ts';

export type Holder = { id: string; roleIds: readonly string[] };

export interface Grants {
  /** Whether an actor may; without a promise and without matching a pattern where the same set of roles was asked about before. */
  authorize: Authorize;
  /** The most generous of the rates that somebody's roles name. */
  rateOf: RateOf;
  /** The roles that somebody was given and that exist, the disabled ones too; that of the superadmins first. */
  rolesOf(holder: Holder): Promise<RoleRecord[]>;
  /** Codes of the roles that count. */
  roleCodesOf(holder: Holder): Promise<string[]>;
  /** What somebody may do now, by the database. */
  heldBy(holder: Holder): Promise<Privileges>;
  /** What somebody holds or would hold if their roles were enabled: the measure for acting on them. */
  weightOf(holder: Holder): Promise<Privileges>;
  /** All roles, from memory. */
  roles(): Promise<readonly RoleRecord[]>;
  evict(target: string): void;
  /** Everything may have changed. */
  clear(): void;
}

/** A set of roles, worked out once. */
interface Compiled {
  codes: ReadonlySet<string>;
  permissions: ReadonlySet<string>;
  rate: ActorRate | null;
}

/** What roles allow. The decision for every route is worked out once for each set of roles, and again when a role changes. */
export function createGrants(deps: { store: RoleStore; superadmins: Superadmins; catalogue: RouteCatalogue }): Grants {
  const { store, superadmins, catalogue } = deps;
  const roles: Snapshot<readonly RoleRecord[]> = createSnapshot(() => store.list());
  // By the list itself, which lives as long as what is remembered of its user, and is another one when they get other roles.
  let bySet = new WeakMap<readonly string[], Compiled>();
  // The same for all users who have the same roles.
  let byIds = new Map<string, Compiled>();

  function forget(): void {
    roles.evict();
    bySet = new WeakMap();
    byIds = new Map();
  }

  function compile(all: readonly RoleRecord[], roleIds: readonly string[]): Compiled {
    const key = [...roleIds].sort().join(' ');
    const counting = all.filter(({ id, enabled }) => enabled && roleIds.includes(id));
    const patterns = counting.flatMap(({ permissions }) => permissions);
    const codes = catalogue.list().map(({ code }) => code);
    const compiled = byIds.get(key) ?? {
      codes: new Set(counting.map(({ code }) => code)),
      permissions: new Set(codes.filter((code) => grants(patterns, code, catalogue) !== undefined)),
      rate: mostGenerous(counting),
    };
    byIds.set(key, compiled);
    bySet.set(roleIds, compiled);
    return compiled;
  }

  async function load(roleIds: readonly string[]): Promise<Compiled> {
    const all = await roles.get();
    // Kept only where it is still true: a role that changed meanwhile has emptied the snapshot.
    if (roles.peek() === all) return compile(all, roleIds);
    return load(roleIds);
  }

  const given = (all: readonly RoleRecord[], { roleIds }: Holder) => all.filter(({ id }) => roleIds.includes(id));

  async function rolesOf(holder: Holder): Promise<RoleRecord[]> {
    const all = roles.peek() ?? (await roles.get());
    const isSuperadmin = superadmins.peek(holder.id) ?? (await superadmins.has(holder.id));
    const first = isSuperadmin ? all.filter(({ id }) => id === BUILT_IN.superadmin) : [];
    return [...first, ...given(all, holder)];
  }

  /** From the database: what decides over others must not be a second old. */
  async function power(holder: Holder, asIfEnabled: boolean): Promise<Privileges> {
    const [{ userIds }, all] = await Promise.all([superadmins.read(), store.list()]);
    if (userIds.includes(holder.id)) return SUPERADMIN_PRIVILEGES;
    return privilegesOf(given(all, holder), catalogue, { asIfEnabled });
  }

  function decide(need: Parameters<Authorize>[1], { codes, permissions }: Compiled): boolean {
    if ('permission' in need) return permissions.has(need.permission);
    return 'anyRole' in need
      ? need.anyRole.some((code) => codes.has(code))
      : need.allRoles.every((code) => codes.has(code));
  }

  async function authorizeSlowly(actor: Actor, need: Parameters<Authorize>[1]): Promise<boolean> {
    if (await superadmins.has(actor.userId)) return true;
    return decide(need, bySet.get(actor.roleIds) ?? (await load(actor.roleIds)));
  }

  /** Also for superadmins, whose role is in no list. */
  async function rateSlowly(holder: Holder): Promise<ActorRate | null> {
    await load(holder.roleIds);
    return mostGenerous((await rolesOf(holder)).filter(({ enabled }) => enabled));
  }

  return {
    authorize(actor, need) {
      const superadmin = superadmins.peek(actor.userId);
      const compiled = bySet.get(actor.roleIds);
      if (superadmin === true) return true;
      if (superadmin === undefined || compiled === undefined) return authorizeSlowly(actor, need);
      return decide(need, compiled);
    },

    rateOf({ userId, roleIds }) {
      const compiled = bySet.get(roleIds);
      if (compiled !== undefined && superadmins.peek(userId) === false) return compiled.rate;
      return rateSlowly({ id: userId, roleIds });
    },

    rolesOf,
    roleCodesOf: async (holder) => (await rolesOf(holder)).filter(({ enabled }) => enabled).map(({ code }) => code),
    heldBy: (holder) => power(holder, false),
    weightOf: (holder) => power(holder, true),
    roles: () => roles.get(),

    evict(target) {
      if (target.startsWith('role:')) forget();
    },
    clear: forget,
  };
}

function mostGenerous(roles: readonly RoleRecord[]): ActorRate | null {
  const rates = roles.flatMap(({ rateLimit }) => rateLimit ?? []);
  const perSecond = ({ max, windowSeconds }: ActorRate) => max / windowSeconds;
  return rates.reduce<ActorRate | null>(
    (best, rate) => (best && perSecond(best) >= perSecond(rate) ? best : rate),
    null,
  );
}
