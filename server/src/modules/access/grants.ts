import type { Snapshot } from '../../platform/cache/snapshot.ts';
import { createSnapshot } from '../../platform/cache/snapshot.ts';
import type { Actor, Subject } from '../../platform/http/caller.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import type { Authorize, Decision, Need } from '../../platform/http/guard.ts';
import type { ActorRate, RateOf } from '../../platform/http/limits.ts';
import { BUILT_IN } from './built-in-roles.ts';
import { Level, levelDemandedBy, levelOf } from './names.ts';
import { grants, type Privileges, privilegesOf, roleScope, SUPERADMIN_PRIVILEGES } from './privileges.ts';
import type { RoleRecord, RoleStore } from './role-store.ts';
import type { Superadmins } from './superadmins.ts';

export type Holder = { id: string; roleIds: readonly string[] };

export interface Grants {
  /**
   * Decides whether the actor's roles grant what is needed, within the scopes of the credential; a role that demands MFA grants nothing to
   * an actor below it. Answers without a promise and without matching patterns if the same roles and scopes were seen before.
   */
  authorize: Authorize;
  /** The most generous rate of the actor's enabled roles; null if none has one. */
  rateOf: RateOf;
  /** The largest quota of the holder's enabled roles, of bytes and of files each; null if none has one. */
  fileQuotaOf(holder: Holder): Promise<RoleRecord['fileQuota']>;
  /** All existing roles of a holder, disabled ones included; `superadmin` first. */
  rolesOf(holder: Holder): Promise<RoleRecord[]>;
  /** Codes of the holder's enabled roles; with `level`, only of those that count at it. No promise where they are remembered. */
  roleCodesOf(holder: Holder, level?: Level): string[] | Promise<string[]>;
  /** The holder's privileges now, read from the database: at this level, and what they would be at the highest. */
  heldBy(holder: Holder, level: Level): Promise<{ held: Privileges; atBest: Privileges }>;
  /** The holder's privileges if all their roles were enabled, read from the database: a caller must hold these to act on them. */
  weightOf(holder: Holder): Promise<Privileges>;
  /** All roles, from memory. */
  roles(): Promise<readonly RoleRecord[]>;
  evict(target: string): void;
  /** Forgets everything. */
  clear(): void;
}

/** What roles grant, or what the scopes of a credential allow. */
interface Allowed {
  codes: ReadonlySet<string>;
  permissions: ReadonlySet<string>;
}

/** What a set of roles grants, computed once. */
interface Compiled {
  /** What it grants to an actor at each `Level`. */
  at: readonly Allowed[];
  /** From which level on a superadmin is one. */
  superadminFrom: Level;
  rate: ActorRate | null;
}

/** Decides what roles allow. The codes that a set of roles grants are computed once, and again after a role has changed. */
export function createGrants(deps: { store: RoleStore; superadmins: Superadmins; catalogue: RouteCatalogue }): Grants {
  const { store, superadmins, catalogue } = deps;
  const roles: Snapshot<readonly RoleRecord[]> = createSnapshot(() => store.list());
  // Keyed by the array itself: it lives as long as the cached state of its user, who gets a new array with other roles.
  let bySet = new WeakMap<readonly string[], Compiled>();
  // Shared by all users with the same roles.
  let byIds = new Map<string, Compiled>();
  // Never cleared: it depends on no role, and the routes are complete once the server is ready.
  const byScopes = new WeakMap<readonly string[], Allowed>();

  function forget(): void {
    roles.evict();
    bySet = new WeakMap();
    byIds = new Map();
  }

  function compile(all: readonly RoleRecord[], roleIds: readonly string[]): Compiled {
    const key = [...roleIds].sort().join(' ');
    const counting = all.filter(({ id, enabled }) => enabled && roleIds.includes(id));
    const compiled = byIds.get(key) ?? {
      at: allowedAtEachLevel(counting),
      superadminFrom: superadminFrom(all),
      rate: mostGenerous(counting),
    };
    byIds.set(key, compiled);
    bySet.set(roleIds, compiled);
    return compiled;
  }

  /** Levels at which the same roles count share what they grant. */
  function allowedAtEachLevel(counting: readonly RoleRecord[]): Allowed[] {
    const byCount = new Map<number, Allowed>();
    return Object.values(Level).map((level) => {
      const some = counting.filter((role) => levelDemandedBy(role) <= level);
      const allowed = byCount.get(some.length) ?? {
        codes: new Set(some.map(({ code }) => code)),
        permissions: codesWithin(some.flatMap(({ permissions }) => permissions)),
      };
      byCount.set(some.length, allowed);
      return allowed;
    });
  }

  /** The codes of all routes that these patterns grant. */
  function codesWithin(patterns: readonly string[]): ReadonlySet<string> {
    const codes = catalogue.list().map(({ code }) => code);
    return new Set(codes.filter((code) => grants(patterns, code, catalogue) !== undefined));
  }

  function compiledScopes(scopes: readonly string[]): Allowed {
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

  const countingCodes = (all: RoleRecord[], level: Level) =>
    all.filter((role) => role.enabled && levelDemandedBy(role) <= level).map(({ code }) => code);

  /** Reads from the database: a decision about other users must not rest on a memory that may be a second old. */
  async function readNow(holder: Holder) {
    const [{ userIds }, all] = await Promise.all([superadmins.read(), store.list()]);
    return { isSuperadmin: userIds.includes(holder.id), all, roles: given(all, holder) };
  }

  /** What the actor's subject is granted at a level; null: every role and permission, as a superadmin. */
  const allowedTo = ({ at, superadminFrom: from }: Compiled, isSuperadmin: boolean, level: Level): Allowed | null =>
    isSuperadmin && level >= from ? null : (at[level] ?? NOTHING);

  function decide({ scopes, assurance }: Actor, need: Need, compiled: Compiled, isSuperadmin: boolean): Decision {
    const level = levelOf(assurance);
    const granted = allowedTo(compiled, isSuperadmin, level);
    const limits = scopes === null ? null : compiledScopes(scopes);
    if (admits(granted, null, need)) return admits(granted, limits, need) ? 'granted' : 'out_of_scope';
    const atBest = allowedTo(compiled, isSuperadmin, Level.phishingResistant);
    if (!admits(atBest, null, need)) return 'not_granted';
    return admits(atBest, limits, need) ? 'mfa_required' : 'out_of_scope';
  }

  async function authorizeSlowly(actor: Actor, need: Need): Promise<Decision> {
    const isOne = await isSuperadmin(actor.subject);
    return decide(actor, need, bySet.get(actor.roleIds) ?? (await load(actor.roleIds)), isOne);
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
      const compiled = bySet.get(actor.roleIds);
      if (superadmin === undefined || compiled === undefined) return authorizeSlowly(actor, need);
      return decide(actor, need, compiled, superadmin);
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
    roleCodesOf(holder, level = Level.phishingResistant) {
      const all = roles.peek();
      const isSuperadmin = superadmins.peek(holder.id);
      if (all === undefined || isSuperadmin === undefined) {
        return rolesOf(holder).then((held) => countingCodes(held, level));
      }
      return countingCodes(rolesAmong(all, holder, isSuperadmin), level);
    },

    async heldBy(holder, level) {
      const { isSuperadmin, all, roles: held } = await readNow(holder);
      const privilegesAt = (at: Level) =>
        isSuperadmin && at >= superadminFrom(all)
          ? SUPERADMIN_PRIVILEGES
          : privilegesOf(
              held.filter((role) => levelDemandedBy(role) <= at),
              catalogue,
              { asIfEnabled: false },
            );
      return { held: privilegesAt(level), atBest: privilegesAt(Level.phishingResistant) };
    },

    async weightOf(holder) {
      const { isSuperadmin, roles: held } = await readNow(holder);
      return isSuperadmin ? SUPERADMIN_PRIVILEGES : privilegesOf(held, catalogue, { asIfEnabled: true });
    },
    roles: () => roles.get(),

    evict(target) {
      if (target.startsWith('role:')) forget();
    },
    clear: forget,
  };
}

const NOTHING: Allowed = { codes: new Set(), permissions: new Set() };

/** Whether both have what is needed, null for everything; for `anyRole`, both must have the same role. */
function admits(granted: Allowed | null, limits: Allowed | null, need: Need): boolean {
  if ('permission' in need) {
    const { permission } = need;
    return (
      (granted === null || granted.permissions.has(permission)) &&
      (limits === null || limits.permissions.has(permission))
    );
  }
  const has = (role: string) =>
    (granted === null || granted.codes.has(role)) && (limits === null || limits.codes.has(role));
  return 'anyRole' in need ? need.anyRole.some(has) : need.allRoles.every(has);
}

/** Without the built-in role, which no route can delete, being a superadmin demands nothing. */
function superadminFrom(all: readonly RoleRecord[]): Level {
  const role = all.find(({ id }) => id === BUILT_IN.superadmin);
  return role ? levelDemandedBy(role) : Level.oneFactor;
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
