import type { Clock } from '../../platform/clock.ts';
import { platformErrors } from '../../platform/errors.ts';
import { type Caller, subjectOf } from '../../platform/http/caller.ts';
import { demandVersion } from '../../platform/http/versions.ts';
import { isId, newId } from '../../platform/ids.ts';
import { untilWon } from '../../platform/until-won.ts';
import type { Authority } from '../access/authority.ts';
import { accessErrors } from '../access/errors.ts';
import type { RoleRecord } from '../access/role-store.ts';
import type { Roles } from '../access/roles.ts';
import type { Events } from '../events/events.ts';
import type { UserStore } from '../users/user-store.ts';
import { apiKeyErrors } from './errors.ts';
import { targetOfAccount } from './names.ts';
import type {
  ServiceAccountAt,
  ServiceAccountPatch,
  ServiceAccountRecord,
  ServiceAccountStore,
} from './service-account-store.ts';

export type ServiceAccountInput = Pick<ServiceAccountRecord, 'name'> &
  Partial<Pick<ServiceAccountRecord, 'description' | 'ownerIds'>> & {
    /** Codes or ids. */
    roles?: readonly string[];
  };
export type ServiceAccountChange = Partial<Pick<ServiceAccountRecord, 'name' | 'description' | 'enabled' | 'ownerIds'>>;

export interface ServiceAccounts {
  list(): Promise<ServiceAccountRecord[]>;
  /** Throws `service_account_not_found`. */
  get(id: string): Promise<ServiceAccountRecord>;
  /** Throws `api_keys_off`, `power_exceeded`, `validation_failed`. */
  create(caller: Caller, input: ServiceAccountInput): Promise<ServiceAccountRecord>;
  /** Throws `service_account_not_found`, `power_exceeded`, `self_protected`, `version_conflict`, `validation_failed`. */
  change(caller: Caller, id: string, change: ServiceAccountChange): Promise<ServiceAccountRecord>;
  /** Gives it exactly these roles, named by id or code. Throws the same. */
  setRoles(caller: Caller, id: string, names: readonly string[]): Promise<ServiceAccountRecord>;
  /** Its keys end with it. Throws `service_account_not_found`, `power_exceeded`, `self_protected`, `version_conflict`. */
  remove(caller: Caller, id: string): Promise<void>;
  /** Throws `power_exceeded` unless the caller holds all that the account holds. */
  demandOver(caller: Caller, account: Pick<ServiceAccountRecord, 'roleIds'>): Promise<void>;
}

/** Manages service accounts, under the rules of privileges: whoever acts on one holds all that it holds. */
export function createServiceAccounts(deps: {
  enabled: boolean;
  store: ServiceAccountStore;
  userStore: Pick<UserStore, 'find'>;
  roles: Roles;
  authority: Authority;
  events: Events;
  clock: Clock;
}): ServiceAccounts {
  const { enabled, store, userStore, roles, authority, events, clock } = deps;

  async function get(id: string): Promise<ServiceAccountRecord> {
    const account = isId(id) ? await store.find(id) : null;
    if (account === null) throw apiKeyErrors.service_account_not_found();
    return account;
  }

  async function demandOver(caller: Caller, { roleIds }: Pick<ServiceAccountRecord, 'roleIds'>): Promise<void> {
    const held = (await roles.list()).filter(({ id }) => roleIds.includes(id));
    await authority.demandRoles(caller, held);
  }

  async function ordinary(names: readonly string[], path: string): Promise<RoleRecord[]> {
    const found = await roles.named(names, path);
    const index = found.findIndex(({ builtIn, code }) => builtIn && code === 'superadmin');
    if (index === -1) return found;
    const errors = [{ path: `${path}/${index}`, message: 'A service account cannot be a superadmin.' }];
    throw platformErrors.validation_failed({ errors });
  }

  async function demandOwners(ownerIds: readonly string[]): Promise<void> {
    for (const [index, id] of ownerIds.entries()) {
      const user = isId(id) ? await userStore.find(id) : null;
      if (user?.status === 'active') continue;
      const errors = [{ path: `/ownerIds/${index}`, message: 'There is no active user with this id.' }];
      throw platformErrors.validation_failed({ errors });
    }
  }

  const describe = (caller: Caller, type: string, { id }: Pick<ServiceAccountRecord, 'id'>, data: object) =>
    events.describe(caller, { type, target: targetOfAccount(id), data: { ...data }, evicts: true });

  async function codesOf(roleIds: readonly string[]): Promise<string[]> {
    const all = await roles.list();
    return roleIds.map((id) => all.find((role) => role.id === id)?.code ?? id);
  }

  /** Decides on the present state and writes to exactly that; `attempt` answers false where another write came first. */
  function changeOne(
    caller: Caller,
    id: string,
    attempt: (account: ServiceAccountRecord, at: ServiceAccountAt) => Promise<boolean>,
  ): Promise<true> {
    return untilWon(
      async () => {
        const account = await get(id);
        await demandOver(caller, account);
        demandVersion(caller, account);
        return (await attempt(account, { id, version: account.version, now: clock() })) || null;
      },
      { record: targetOfAccount(id) },
    );
  }

  function demandOther(caller: Caller, id: string): void {
    if (subjectOf(caller)?.id === id) throw accessErrors.self_protected();
  }

  return {
    list: () => store.list(),
    get,
    demandOver,

    async create(caller, { name, description = null, roles: names = [], ownerIds }) {
      if (!enabled) throw apiKeyErrors.api_keys_off();
      const subject = subjectOf(caller);
      const owners = ownerIds ?? (subject?.kind === 'person' ? [subject.id] : []);
      await demandOwners(owners);
      const given = await ordinary(names, '/roles');
      await authority.demandRoles(caller, given);
      const now = clock();
      const account: ServiceAccountRecord = {
        id: newId(now),
        name,
        description,
        enabled: true,
        roleIds: given.map(({ id }) => id),
        ownerIds: [...owners],
        createdAt: now,
        updatedAt: now,
        version: 1,
      };
      const after = { name, description, roles: given.map(({ code }) => code), ownerIds: owners };
      await store.insert(account, describe(caller, 'service_account.created', account, { before: null, after }));
      return account;
    },

    async change(caller, id, change) {
      if (change.enabled === false) demandOther(caller, id);
      if (change.ownerIds) await demandOwners(change.ownerIds);
      const patch: ServiceAccountPatch = said(change);
      await changeOne(caller, id, (account, at) => {
        const fields = Object.keys(patch) as (keyof ServiceAccountPatch)[];
        const before = Object.fromEntries(fields.map((field) => [field, account[field]]));
        const event = describe(caller, 'service_account.changed', account, { before, after: patch });
        return store.patch(at, patch, event);
      });
      return get(id);
    },

    async setRoles(caller, id, names) {
      demandOther(caller, id);
      const wanted = await ordinary(names, '/roles');
      const roleIds = wanted.map((role) => role.id);
      await changeOne(caller, id, async (account, at) => {
        await authority.demandRoles(
          caller,
          wanted.filter((role) => !account.roleIds.includes(role.id)),
        );
        const [before, after] = [await codesOf(account.roleIds), wanted.map(({ code }) => code)];
        const data = { before: { roles: before }, after: { roles: after } };
        return store.patch(at, { roleIds }, describe(caller, 'service_account.roles_changed', account, data));
      });
      return get(id);
    },

    async remove(caller, id) {
      demandOther(caller, id);
      await changeOne(caller, id, (account, at) => {
        const { name, roleIds } = account;
        return store.remove(at, describe(caller, 'service_account.deleted', account, { before: { name, roleIds } }));
      });
    },
  };
}

function said(change: ServiceAccountChange): ServiceAccountChange {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
