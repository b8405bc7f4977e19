import type { Insertable, Selectable, Updateable } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { type BoolColumn, type TimeColumn, toDate } from '../../platform/database/values.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { MfaDemand } from './names.ts';
import type { RoleChange, RolePatch, RoleRecord, RoleStore } from './role-store.ts';

interface RoleRow {
  id: string;
  code: string;
  name: string;
  description: string | null;
  enabled: BoolColumn;
  built_in: BoolColumn;
  permissions: string;
  ui_permissions: string;
  rate_max: number | null;
  rate_window_seconds: number | null;
  quota_bytes: number | null;
  quota_files: number | null;
  mfa: MfaDemand;
  trust_devices: BoolColumn;
  created_at: TimeColumn;
  updated_at: TimeColumn;
  version: number;
}

interface RoleTables {
  roles: RoleRow;
}

/** Roles on SQL. */
export function createSqlRoleStore(deps: { database: Database; outbox: SqlOutbox }): RoleStore {
  const database = sqlOf<RoleTables>(deps.database);
  const { db } = database;

  return {
    async insert(role, event) {
      try {
        await deps.outbox.commit(database, event, role.version, async (trx) => {
          await trx.insertInto('roles').values(toRow(role)).execute();
          return true;
        });
        return 'ok';
      } catch (error) {
        return takenCode(error);
      }
    },

    async find(id) {
      const row = await db.selectFrom('roles').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? toRecord(row) : null;
    },

    async list() {
      const rows = await db.selectFrom('roles').selectAll().orderBy('code').execute();
      return rows.map(toRecord);
    },

    async patch({ id, version, now }, patch, event) {
      try {
        const won = await deps.outbox.commit(database, event, version + 1, async (trx) => {
          const result = await trx
            .updateTable('roles')
            .set({ ...toChange(patch), updated_at: now, version: version + 1 })
            .where('id', '=', id)
            .where('version', '=', version)
            .executeTakeFirst();
          return result.numUpdatedRows === 1n;
        });
        return won ? 'ok' : 'lost';
      } catch (error) {
        return takenCode(error);
      }
    },

    async remove({ id, version }, event) {
      const won = await deps.outbox.commit(database, event, version + 1, async (trx) => {
        const result = await trx
          .deleteFrom('roles')
          .where('id', '=', id)
          .where('version', '=', version)
          .executeTakeFirst();
        return result.numDeletedRows === 1n;
      });
      return won ? 'ok' : 'lost';
    },
  };
}

function takenCode(error: unknown): RoleChange {
  if (uniqueViolation(error)?.includes('code')) return 'code_taken';
  throw error;
}

function toChange(patch: RolePatch): Updateable<RoleRow> {
  const { uiPermissions, permissions, rateLimit, fileQuota, trustDevices, ...plain } = patch;
  return {
    ...plain,
    ...(trustDevices !== undefined && { trust_devices: trustDevices }),
    ...(permissions && { permissions: JSON.stringify(permissions) }),
    ...(uiPermissions && { ui_permissions: JSON.stringify(uiPermissions) }),
    ...(rateLimit !== undefined && {
      rate_max: rateLimit?.max ?? null,
      rate_window_seconds: rateLimit?.windowSeconds ?? null,
    }),
    ...(fileQuota !== undefined && {
      quota_bytes: fileQuota?.bytes ?? null,
      quota_files: fileQuota?.files ?? null,
    }),
  };
}

function toRow({ id, code, name, description, enabled, ...role }: RoleRecord): Insertable<RoleRow> {
  return {
    id,
    code,
    name,
    description,
    enabled,
    built_in: role.builtIn,
    permissions: JSON.stringify(role.permissions),
    ui_permissions: JSON.stringify(role.uiPermissions),
    rate_max: role.rateLimit?.max ?? null,
    rate_window_seconds: role.rateLimit?.windowSeconds ?? null,
    quota_bytes: role.fileQuota?.bytes ?? null,
    quota_files: role.fileQuota?.files ?? null,
    mfa: role.mfa,
    trust_devices: role.trustDevices,
    created_at: role.createdAt,
    updated_at: role.updatedAt,
    version: role.version,
  };
}

function toRecord({ id, code, name, description, version, ...row }: Selectable<RoleRow>): RoleRecord {
  const { rate_max: max, rate_window_seconds: windowSeconds, quota_bytes: bytes, quota_files: files } = row;
  return {
    id,
    code,
    name,
    description,
    enabled: Boolean(row.enabled),
    builtIn: Boolean(row.built_in),
    permissions: JSON.parse(row.permissions),
    uiPermissions: JSON.parse(row.ui_permissions),
    rateLimit: max === null || windowSeconds === null ? null : { max, windowSeconds },
    fileQuota: bytes === null || files === null ? null : { bytes, files },
    mfa: row.mfa,
    trustDevices: Boolean(row.trust_devices),
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    version,
  };
}
