import { platformErrors } from '../../platform/errors.ts';
import { type Caller, OPERATOR, subjectOf } from '../../platform/http/caller.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import type { ServiceAccountStore } from '../api-keys/service-account-store.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import { accessErrors } from './errors.ts';
import type { Grants, Holder } from './grants.ts';
import { holdsAll, type Privileges, privilegesOf, SUPERADMIN_PRIVILEGES } from './privileges.ts';
import type { RoleRecord, RoleStore } from './role-store.ts';
import { privilegesOfScopes } from './scopes.ts';
import type { SubjectGate } from './subject-gate.ts';
import type { Superadmins } from './superadmins.ts';

export interface Authority {
  /**
   * The caller's privileges now, read from the database and not from the request: those of the subject, within the scopes of the
   * credential. Throws `unauthenticated` without an actor, or if the subject or the credential is no longer valid.
   */
  of(caller: Caller): Promise<{ held: Privileges; roleIds: readonly string[] }>;
  /** Throws `forbidden` unless the caller holds the permission with this code: for a route that also does what another one does. */
  demandPermission(caller: Caller, code: string): Promise<void>;
  /** Throws `power_exceeded` unless the caller holds all that these roles would grant if they were enabled. */
  demandRoles(caller: Caller, roles: readonly RoleRecord[]): Promise<void>;
  /** Throws `power_exceeded` unless the caller holds all that a credential of these scopes could be let do. */
  demandScopes(caller: Caller, scopes: readonly string[]): Promise<void>;
  /** Throws `power_exceeded` if the user holds more than the caller. */
  demandOver(caller: Caller, user: UserRecord): Promise<void>;
  /** Throws `power_exceeded` if anybody who has the role holds more than the caller: a change of the role acts on all of them. */
  demandOverMembers(caller: Caller, role: Pick<RoleRecord, 'id'>): Promise<void>;
  /** Like `demandOver`; also throws `self_protected` if the user is the caller. */
  demandOverOther(caller: Caller, user: UserRecord): Promise<void>;
  /** Throws `power_exceeded` unless the caller is a superadmin whose credential is not limited. */
  demandSuperadmin(caller: Caller): Promise<void>;
}

/** The rules of privileges: nobody grants more than they hold, or acts on a user who holds more (decision 9). */
export function createAuthority(deps: {
  gate: SubjectGate;
  grants: Grants;
  superadmins: Superadmins;
  roleStore: RoleStore;
  users: Pick<UserStore, 'count'>;
  services: Pick<ServiceAccountStore, 'list'>;
  catalogue: RouteCatalogue;
}): Authority {
  const { gate, grants, superadmins, roleStore, users, services, catalogue } = deps;

  const authority: Authority = {
    async of({ actor }) {
      if (actor === OPERATOR) return { held: SUPERADMIN_PRIVILEGES, roleIds: [] };
      const holder = actor && (await gate(actor));
      if (!holder) throw platformErrors.unauthenticated();
      const held = await grants.heldBy(holder);
      // Only persons are superadmins: a service account of the same id is not.
      if (held.superadmin && actor.subject.kind !== 'person') throw platformErrors.unauthenticated();
      return { held: { ...held, scopes: actor.scopes }, roleIds: holder.roleIds };
    },

    async demandPermission(caller, code) {
      const { held } = await authority.of(caller);
      const wanted = { superadmin: false, permissions: [code], guardRoles: [], scopes: null };
      if (!holdsAll(held, wanted, catalogue)) throw platformErrors.forbidden();
    },

    async demandRoles(caller, roles) {
      const { held } = await authority.of(caller);
      if (!holdsAll(held, privilegesOf(roles, catalogue, { asIfEnabled: true }), catalogue))
        throw accessErrors.power_exceeded();
    },

    async demandScopes(caller, scopes) {
      const { held } = await authority.of(caller);
      if (!holdsAll(held, privilegesOfScopes(scopes), catalogue)) throw accessErrors.power_exceeded();
    },

    async demandOver(caller, user) {
      const [{ held }, weight] = await Promise.all([authority.of(caller), grants.weightOf(user)]);
      if (!holdsAll(held, weight, catalogue)) throw accessErrors.power_exceeded();
    },

    async demandOverMembers(caller, { id: roleId }) {
      const { held } = await authority.of(caller);
      if (holdsAll(held, SUPERADMIN_PRIVILEGES, catalogue)) return;
      const [{ userIds: ids }, roles] = await Promise.all([superadmins.read(), roleStore.list()]);
      // Who holds more than the caller does so by one of these roles, or as a superadmin.
      const beyond = roles.filter(
        (role) => !holdsAll(held, privilegesOf([role], catalogue, { asIfEnabled: true }), catalogue),
      );
      const anyRoleIds = beyond.map(({ id }) => id);
      const heavier = await Promise.all([
        users.count({ roleId, ids }, 1),
        anyRoleIds.length > 0 ? users.count({ roleId, anyRoleIds }, 1) : 0,
      ]);
      if (heavier.some((count) => count > 0)) throw accessErrors.power_exceeded();
      const isHeavier = ({ roleIds }: Holder) =>
        roleIds.includes(roleId) && anyRoleIds.some((id) => roleIds.includes(id));
      if ((await services.list()).some(isHeavier)) throw accessErrors.power_exceeded();
    },

    async demandOverOther(caller, user) {
      if (subjectOf(caller)?.id === user.id) throw accessErrors.self_protected();
      await authority.demandOver(caller, user);
    },

    async demandSuperadmin(caller) {
      const { held } = await authority.of(caller);
      if (!holdsAll(held, SUPERADMIN_PRIVILEGES, catalogue)) throw accessErrors.power_exceeded();
    },
  };
  return authority;
}
