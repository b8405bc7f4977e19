import type { Clock } from '../../platform/clock.ts';
import { SYSTEM_CALLER } from '../../platform/http/system-caller.ts';
import { newId } from '../../platform/ids.ts';
import type { RoleStore } from '../access/role-store.ts';
import type { SuperadminStore } from '../access/superadmin-store.ts';
import type { RecordEvent } from '../events/event-recorder.ts';
import type { Events } from '../events/events.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Users } from '../users/users.ts';
import type { Counts } from './counts.ts';
import type { ImportStore } from './import-store.ts';
import { ImportFailed, type Source } from './imported-person.ts';
import type { ImportOptions } from './importer.ts';

export interface Imports {
  /**
   * Imports the people of a source; see `runImport`. `roles`: codes of roles here, by the names of roles there. Throws `ImportFailed` for a name of a
   * source or a role that cannot be.
   */
  run(
    source: Source,
    options: Omit<ImportOptions, 'source' | 'rules'> & {
      name: string;
      roles: Record<string, string>;
      isTrial: boolean;
    },
  ): Promise<Counts>;
  /** All accounts, as lines of NDJSON or CSV; records that it was done. */
  exportLines(options: { format: 'ndjson' | 'csv'; withHashes: boolean }): AsyncIterable<string>;
}

/** Of a source: before a `:` in external ids. */
const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** The way in for the people of other systems, and the way out: `createImports({ ...ground, store: storage.imports, … })`. */
export function createImports(deps: {
  store: ImportStore;
  userStore: UserStore;
  roleStore: RoleStore;
  superadminStore: SuperadminStore;
  users: Pick<Users, 'draft' | 'toOwnUsername'>;
  /** The roles of a new user. */
  firstRoleIds: readonly string[];
  recordEvent: RecordEvent;
  events: Events;
  clock: Clock;
}): Imports {
  const { store, userStore, roleStore, superadminStore, users, firstRoleIds, recordEvent, events, clock } = deps;

  /** Nobody becomes a superadmin by what another system says. */
  async function roleIdsOf(roles: Record<string, string>): Promise<Map<string, string>> {
    const byCode = new Map((await roleStore.list()).map((role) => [role.code, role]));
    return new Map(
      Object.entries(roles).map(([there, code]) => {
        const role = byCode.get(code);
        if (!role) throw new ImportFailed(`The mapping gives the role ${code}, which there is not: make it first.`);
        if (role.builtIn && code === 'superadmin')
          throw new ImportFailed('The mapping must not give the role superadmin: name the people with --superadmin.');
        return [there, role.id];
      }),
    );
  }

  return {
    async run(source, { name, roles, isTrial, ...options }) {
      if (!NAME.test(name))
        throw new ImportFailed('The name of a source must have 1 to 40 small letters, digits or hyphens.');
      const { toOwnUsername } = users;
      const rules = { name, roleIds: await roleIdsOf(roles), firstRoleIds, toOwnUsername, now: clock() };
      const { runImport } = await import('./importer.ts');
      const common = { draft: users.draft, events, clock };
      if (!isTrial) return runImport({ ...common, users: userStore, store }, { ...options, source, rules });
      const { trialUsers } = await import('./trial-store.ts');
      const trial = trialUsers(userStore);
      try {
        return await runImport({ ...common, users: trial, store: null }, { ...options, source, rules });
      } finally {
        trial.close();
      }
    },

    async *exportLines({ format, withHashes }) {
      const { exportUsers, formatUsers } = await import('./export-users.ts');
      const codes = new Map((await roleStore.list()).map(({ id, code }) => [id, code]));
      const superadmins = new Set((await superadminStore.read()).userIds);
      const roleCodesOf = ({ id, roleIds }: UserRecord) => [
        ...roleIds.flatMap((roleId) => codes.get(roleId) ?? []),
        ...(superadmins.has(id) ? ['superadmin'] : []),
      ];
      const target = `export:${newId(clock())}`;
      await recordEvent(SYSTEM_CALLER, { type: 'users.exported', target, data: { format, withHashes } });
      yield* formatUsers(exportUsers({ users: userStore, roleCodesOf, withHashes }), { format, withHashes });
    },
  };
}
