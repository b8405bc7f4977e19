import { platformErrors } from '../../platform/errors.ts';
import { type Caller, OPERATOR, subjectOf } from '../../platform/http/caller.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import type { UserRecord } from '../users/user-store.ts';
import { accessErrors } from './errors.ts';
import type { Grants } from './grants.ts';
import { holdsAll, type Privileges, privilegesOf, SUPERADMIN_PRIVILEGES } from './privileges.ts';
import type { RoleRecord } from './role-store.ts';
import type { SubjectGate } from './subject-gate.ts';

export interface Authority {
  /**
   * The caller's privileges now, read from the database and not from the request: those of the subject, within the scopes of the
   * credential. Throws `unauthenticated` without an actor, or if the subject or the credential is no longer valid.
   */
  of(caller: Caller): Promise<{ held: Privileges; roleIds: readonly string[] }>;
  /** Throws `power_exceeded` unless the caller holds all that these roles would grant if they were enabled. */
  demandRoles(caller: Caller, roles: readonly RoleRecord[]): Promise<void>;
  /** Throws `power_exceeded` if the user holds more than the caller. */
  demandOver(caller: Caller, user: UserRecord): Promise<void>;
  /** Like `demandOver`; also throws `self_protected` if the user is the caller. */
  demandOverOther(caller: Caller, user: UserRecord): Promise<void>;
  /** Throws `power_exceeded` unless the caller is a superadmin whose credential is not limited. */
  demandSuperadmin(caller: Caller): Promise<void>;
}

/** The rules of privileges: nobody grants more than they hold, or acts on a user who holds more (decision 9). */
export function createAuthority(deps: { gate: SubjectGate; grants: Grants; catalogue: RouteCatalogue }): Authority {
  const { gate, grants, catalogue } = deps;

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

    async demandRoles(caller, roles) {
      const { held } = await authority.of(caller);
      if (!holdsAll(held, privilegesOf(roles, catalogue, { asIfEnabled: true }), catalogue))
        throw accessErrors.power_exceeded();
    },

    async demandOver(caller, user) {
      const [{ held }, weight] = await Promise.all([authority.of(caller), grants.weightOf(user)]);
      if (!holdsAll(held, weight, catalogue)) throw accessErrors.power_exceeded();
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
