import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../platform/clock.ts';
import { asJson } from '../../platform/database/values.ts';
import { outcomeOf, platformErrors } from '../../platform/errors.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { permissionCode, type RouteCatalogue } from '../../platform/http/catalogue.ts';
import type { ItemResult } from '../../platform/http/results.ts';
import { demandVersion } from '../../platform/http/versions.ts';
import { isId, newId } from '../../platform/ids.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Events } from '../events/events.ts';
import type { Authority } from './authority.ts';
import { BUILT_IN } from './built-in-roles.ts';
import { accessErrors } from './errors.ts';
import { levelDemandedBy } from './names.ts';
import { grantsAll, holdsAll, privilegesOf } from './privileges.ts';
import type { RoleChange, RolePatch, RoleRecord, RoleStore } from './role-store.ts';

/** What can be changed of the role of superadmins, too. */
const DEMAND_FIELDS: readonly (keyof RolePatch)[] = ['mfa', 'trustDevices'];

/** The permission of the route that deletes one role. */
const DELETE_ROLE = permissionCode('DELETE', '/api/v1/admin/roles/:id');

export type RoleInput = Pick<RoleRecord, 'code' | 'name'> & RolePatch;

export interface Roles {
  /** Throws `role_not_found`. */
  get(id: string): Promise<RoleRecord>;
  /** All roles, ordered by code. */
  list(): Promise<RoleRecord[]>;
  /**
   * The roles with these ids or codes, without duplicates. Throws `validation_failed` for a name without a role; `path`: where the names
   * stand in the body.
   */
  named(names: readonly string[], path: string): Promise<RoleRecord[]>;
  /** Throws `power_exceeded`, `role_code_taken`. */
  create(caller: Caller, input: RoleInput): Promise<RoleRecord>;
  /** Throws `role_not_found`, `role_built_in`, `power_exceeded`, `self_protected`, `role_code_taken`, `version_conflict`. */
  change(caller: Caller, id: string, patch: RolePatch): Promise<RoleRecord>;
  /** Throws `role_not_found`, `role_built_in`, `power_exceeded`, `self_protected`, `version_conflict`. */
  remove(caller: Caller, id: string): Promise<void>;
  /**
   * Removes each role; answers a result for each distinct id, in the given order. Throws `forbidden` without the permission to delete one.
   */
  removeAll(caller: Caller, ids: readonly string[]): Promise<ItemResult[]>;
}

/** Creates, changes and removes roles. The caller must hold all that the role grants, before and after the change. */
export function createRoles(deps: {
  store: RoleStore;
  authority: Authority;
  catalogue: RouteCatalogue;
  events: Events;
  clock: Clock;
}): Roles {
  const { store, authority, catalogue, events, clock } = deps;

  async function get(id: string): Promise<RoleRecord> {
    const role = isId(id) ? await store.find(id) : null;
    if (!role) throw accessErrors.role_not_found();
    return role;
  }

  /**
   * Throws `power_exceeded` unless the caller holds all that the role grants before and after, and all that anybody holds from whom the
   * change may take something; `self_protected` if the caller loses some; `mfa_required` if they would lose it by demanding of themselves what
   * they have not proved: who cannot prove it could not take it back.
   */
  async function demandPrivileges(caller: Caller, before: RoleRecord | null, after: RoleRecord | null): Promise<void> {
    await authority.demandRoles(caller, before ? [before] : []);
    await authority.demandRoles(caller, after ? [after] : []);
    if (before && mayTake(before, after, catalogue)) await authority.demandOverMembers(caller, before);
    if (before?.id === BUILT_IN.superadmin) await authority.demandSuperadmin(caller);
    const { held, level, roleIds } = await authority.of(caller);
    const isOwn = before && (roleIds.includes(before.id) || (held.superadmin && before.id === BUILT_IN.superadmin));
    if (isOwn && after && levelDemandedBy(after) > Math.max(level, levelDemandedBy(before))) {
      throw platformErrors.mfa_required();
    }
    if (held.superadmin || !isOwn) return;
    const others = (await store.list()).filter(({ id }) => id !== before.id && roleIds.includes(id));
    const counting = [...others, ...(after ? [after] : [])].filter((role) => levelDemandedBy(role) <= level);
    const left = privilegesOf(counting, catalogue, { asIfEnabled: false });
    if (!holdsAll(left, held, catalogue)) throw accessErrors.self_protected();
  }

  const describe = (caller: Caller, type: string, { id }: RoleRecord, data: Record<string, unknown>) =>
    events.describe(caller, { type, target: `role:${id}`, data, evicts: true });

  /** Decides on the current state and writes to exactly that state; repeats both if another write came first. */
  const changeRole = (id: string, attempt: (role: RoleRecord) => Promise<RoleChange>): Promise<true> =>
    untilWon(
      async () => {
        const result = await attempt(await get(id));
        if (result === 'code_taken') throw accessErrors.role_code_taken();
        return result === 'ok' ? true : null;
      },
      { record: `role:${id}` },
    );

  async function remove(caller: Caller, id: string): Promise<void> {
    await changeRole(id, async (role) => {
      if (role.builtIn) throw accessErrors.role_built_in();
      await demandPrivileges(caller, role, null);
      demandVersion(caller, role);
      const event = describe(caller, 'role.deleted', role, { before: auditView(role), after: null });
      return store.remove({ id, version: role.version, now: clock() }, event);
    });
  }

  return {
    get,
    list: () => store.list(),

    async named(names, path) {
      const all = await store.list();
      const found = names.map((name, index) => {
        const role = all.find(({ id, code }) => id === name || code === name);
        if (role) return role;
        throw platformErrors.validation_failed({
          errors: [{ path: `${path}/${index}`, message: 'There is no such role.' }],
        });
      });
      return [...new Set(found)];
    },

    async create(caller, { code, name, ...rest }) {
      const now = clock();
      const role: RoleRecord = {
        id: newId(now),
        code,
        name,
        description: null,
        enabled: true,
        builtIn: false,
        permissions: [],
        uiPermissions: { buttons: [], menus: [] },
        rateLimit: null,
        fileQuota: null,
        mfa: 'off',
        trustDevices: false,
        ...said(rest),
        createdAt: now,
        updatedAt: now,
        version: 1,
      };
      await demandPrivileges(caller, null, role);
      const event = describe(caller, 'role.created', role, { before: null, after: auditView(role) });
      if ((await store.insert(role, event)) === 'code_taken') throw accessErrors.role_code_taken();
      return role;
    },

    async change(caller, id, patch) {
      let changed: RoleRecord | undefined;
      await changeRole(id, async (role) => {
        const now = clock();
        const fields = Object.keys(said(patch)) as (keyof RolePatch)[];
        const isFixed = id === BUILT_IN.superadmin && fields.some((field) => !DEMAND_FIELDS.includes(field));
        if (isFixed || (role.builtIn && patch.code !== undefined && patch.code !== role.code)) {
          throw accessErrors.role_built_in();
        }
        changed = { ...role, ...said(patch), updatedAt: now, version: role.version + 1 };
        await demandPrivileges(caller, role, changed);
        demandVersion(caller, role);
        const pick = (from: RoleRecord) => Object.fromEntries(fields.map((field) => [field, from[field]]));
        const event = describe(caller, 'role.changed', role, { before: pick(role), after: pick(changed) });
        return store.patch({ id, version: role.version, now }, patch, event);
      });
      return changed ?? get(id);
    },

    remove,

    async removeAll(caller, ids) {
      await authority.demandPermission(caller, DELETE_ROLE);
      const results: ItemResult[] = [];
      for (const id of new Set(ids)) results.push({ id, error: await outcomeOf(remove(caller, id)) });
      return results;
    },
  };
}

/**
 * Whether a change may take something from those who have the role: requests that they may send, what front ends show them, or what guards
 * and other services let them do by its code. A name, a description and further permissions take nothing.
 */
function mayTake(before: RoleRecord, after: RoleRecord | null, catalogue: RouteCatalogue): boolean {
  if (after === null) return true;
  const decisive = ({ code, enabled, uiPermissions, rateLimit, fileQuota }: RoleRecord) =>
    asJson({ code, enabled, uiPermissions, rateLimit, fileQuota });
  if (levelDemandedBy(after) > levelDemandedBy(before)) return true;
  const keepsAll = grantsAll(after.permissions, before.permissions, catalogue);
  return !keepsAll || !isDeepStrictEqual(decisive(before), decisive(after));
}

function said(patch: RolePatch): RolePatch {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}

/** The fields of a role that its events keep. */
function auditView(role: RoleRecord) {
  const { code, name, description, enabled, permissions, uiPermissions, rateLimit, fileQuota, mfa, trustDevices } =
    role;
  return { code, name, description, enabled, permissions, uiPermissions, rateLimit, fileQuota, mfa, trustDevices };
}
