import type { Clock } from '../../platform/clock.ts';
import { type Caller, subjectOf } from '../../platform/http/caller.ts';
import { demandVersion } from '../../platform/http/versions.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Events } from '../events/events.ts';
import { userErrors } from '../users/errors.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Authority } from './authority.ts';
import { BUILT_IN } from './built-in-roles.ts';
import { accessErrors } from './errors.ts';
import type { Grants } from './grants.ts';
import type { Roles } from './roles.ts';
import type { Superadmins } from './superadmins.ts';

export interface Members {
  /**
   * Gives a user exactly these roles, named by id or code. Throws `validation_failed`, `user_not_found`, `power_exceeded`,
   * `self_protected`, `last_superadmin`, `status_conflict`, `version_conflict`.
   */
  setRoles(caller: Caller, userId: string, names: readonly string[]): Promise<UserRecord>;
}

/** Changes which roles a user has. */
export function createMembers(deps: {
  users: UserStore;
  roles: Roles;
  grants: Grants;
  superadmins: Superadmins;
  authority: Authority;
  events: Events;
  clock: Clock;
}): Members {
  const { users, roles, grants, superadmins, authority, events, clock } = deps;

  async function find(userId: string): Promise<UserRecord> {
    const user = await users.find(userId);
    if (!user || user.status === 'erased') throw userErrors.user_not_found();
    return user;
  }

  async function codesOf(roleIds: readonly string[]): Promise<string[]> {
    const all = await grants.roles();
    return roleIds.map((roleId) => all.find(({ id }) => id === roleId)?.code ?? roleId);
  }

  /** True once the user has exactly these roles; false if another write came first. */
  async function write(caller: Caller, user: UserRecord, roleIds: string[]): Promise<boolean> {
    if (roleIds.length === user.roleIds.length && roleIds.every((id) => user.roleIds.includes(id))) return true;
    const event = events.describe(caller, {
      type: 'user.roles_changed',
      target: `user:${user.id}`,
      userId: user.id,
      data: { before: { roles: await codesOf(user.roleIds) }, after: { roles: await codesOf(roleIds) } },
      evicts: true,
    });
    return (await users.setRoles({ id: user.id, version: user.version, now: clock() }, { roleIds }, event)) === 'ok';
  }

  return {
    async setRoles(caller, userId, names) {
      const wanted = await roles.named(names, '/roles');
      const beSuperadmin = wanted.some(({ id }) => id === BUILT_IN.superadmin);
      const ordinary = wanted.filter(({ id }) => id !== BUILT_IN.superadmin);
      return untilWon(
        async () => {
          const user = await find(userId);
          if (subjectOf(caller)?.id === userId) throw accessErrors.self_protected();
          await authority.demandOver(caller, user);
          demandVersion(caller, user);
          await authority.demandRoles(
            caller,
            ordinary.filter(({ id }) => !user.roleIds.includes(id)),
          );
          if (beSuperadmin) await authority.demandSuperadmin(caller);
          if (beSuperadmin && user.status !== 'active') throw userErrors.status_conflict();
          // The superadmin role is taken first and given last: a process that dies in between leaves too few privileges, never too many.
          const isSuperadmin = (await superadmins.read()).userIds.includes(userId);
          if (isSuperadmin && !beSuperadmin) await superadmins.revoke(caller, userId);
          const present = isSuperadmin && !beSuperadmin ? await find(userId) : user;
          const roleIds = ordinary.map(({ id }) => id);
          if (!(await write(caller, present, roleIds))) return null;
          if (beSuperadmin && !isSuperadmin) await superadmins.grant(caller, userId);
          return find(userId);
        },
        { record: `user:${userId}` },
      );
    },
  };
}
