import { platformErrors } from '../../platform/errors.ts';
import { type Caller, OPERATOR, subjectOf } from '../../platform/http/caller.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import type { ServiceAccountStore } from '../api-keys/service-account-store.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import { accessErrors } from './errors.ts';
import type { Grants, Holder } from './grants.ts';
import { Level, levelOf } from './names.ts';
import { holdsAll, type Privileges, privilegesOf, SUPERADMIN_PRIVILEGES } from './privileges.ts';
import type { RoleRecord, RoleStore } from './role-store.ts';
import { privilegesOfScopes } from './scopes.ts';
import type { SubjectGate } from './subject-gate.ts';
import type { Superadmins } from './superadmins.ts';

export interface Authority {
  /**
   * The caller's privileges now, read from the database and not from the request: those of the subject, within the scopes of the
   * credential. A role that demands MFA counts only at its level; `atBest`: what the caller would hold at the highest. Throws
   * `unauthenticated` without an actor, or if the subject or the credential is no longer valid.
   *
   * What is refused below throws `mfa_required` where the caller would be admitted at the highest level.
   */
  of(caller: Caller): Promise<{ held: Privileges; atBest: Privileges; level: Level; roleIds: readonly string[] }>;
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

  /** Throws `refused` unless the caller holds all of it, and `mfa_required` where they would at the highest level. */
  function demandAll(
    { held, atBest }: { held: Privileges; atBest: Privileges },
    wanted: Privileges,
    refused: () => Error = accessErrors.power_exceeded,
  ): void {
    if (holdsAll(held, wanted, catalogue)) return;
    throw holdsAll(atBest, wanted, catalogue) ? platformErrors.mfa_required() : refused();
  }

  async function hasHeavierMembers(held: Privileges, roleId: string): Promise<boolean> {
    if (holdsAll(held, SUPERADMIN_PRIVILEGES, catalogue)) return false;
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
    if (heavier.some((count) => count > 0)) return true;
    const isHeavier = ({ roleIds }: Holder) =>
      roleIds.includes(roleId) && anyRoleIds.some((id) => roleIds.includes(id));
    return (await services.list()).some(isHeavier);
  }

  const authority: Authority = {
    async of({ actor }) {
      if (actor === OPERATOR) {
        const held = SUPERADMIN_PRIVILEGES;
        return { held, atBest: held, level: Level.phishingResistant, roleIds: [] };
      }
      const holder = actor && (await gate(actor));
      if (!holder) throw platformErrors.unauthenticated();
      const level = levelOf(actor.assurance);
      const { held, atBest } = await grants.heldBy(holder, level);
      // Only persons are superadmins: a service account of the same id is not.
      if (atBest.superadmin && actor.subject.kind !== 'person') throw platformErrors.unauthenticated();
      const { scopes } = actor;
      return { held: { ...held, scopes }, atBest: { ...atBest, scopes }, level, roleIds: holder.roleIds };
    },

    async demandPermission(caller, code) {
      const wanted = { superadmin: false, permissions: [code], guardRoles: [], scopes: null };
      demandAll(await authority.of(caller), wanted, platformErrors.forbidden);
    },

    async demandRoles(caller, roles) {
      demandAll(await authority.of(caller), privilegesOf(roles, catalogue, { asIfEnabled: true }));
    },

    async demandScopes(caller, scopes) {
      demandAll(await authority.of(caller), privilegesOfScopes(scopes));
    },

    async demandOver(caller, user) {
      const [power, weight] = await Promise.all([authority.of(caller), grants.weightOf(user)]);
      demandAll(power, weight);
    },

    async demandOverMembers(caller, { id: roleId }) {
      const { held, atBest } = await authority.of(caller);
      if (!(await hasHeavierMembers(held, roleId))) return;
      throw (await hasHeavierMembers(atBest, roleId)) ? accessErrors.power_exceeded() : platformErrors.mfa_required();
    },

    async demandOverOther(caller, user) {
      if (subjectOf(caller)?.id === user.id) throw accessErrors.self_protected();
      await authority.demandOver(caller, user);
    },

    async demandSuperadmin(caller) {
      demandAll(await authority.of(caller), SUPERADMIN_PRIVILEGES);
    },
  };
  return authority;
}
