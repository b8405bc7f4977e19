import type { Selectable, Updateable } from 'kysely';
import { type Database, sqlOf } from '../../platform/database/database.ts';
import { type BoolColumn, type TimeColumn, toDate } from '../../platform/database/values.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { ServiceAccountPatch, ServiceAccountRecord, ServiceAccountStore } from './service-account-store.ts';

interface ServiceAccountRow {
  id: string;
  name: string;
  description: string | null;
  enabled: BoolColumn;
  role_ids: string;
  owner_ids: string;
  created_at: TimeColumn;
  updated_at: TimeColumn;
  version: number;
}

/** Service accounts on SQL. */
export function createSqlServiceAccountStore(deps: { database: Database; outbox: SqlOutbox }): ServiceAccountStore {
  const database = sqlOf<{ service_accounts: ServiceAccountRow }>(deps.database);
  const { db } = database;

  return {
    async insert({ id, name, description, enabled, roleIds, ownerIds, createdAt, updatedAt, version }, event) {
      const row = {
        id,
        name,
        description,
        enabled,
        role_ids: JSON.stringify(roleIds),
        owner_ids: JSON.stringify(ownerIds),
        created_at: createdAt,
        updated_at: updatedAt,
        version,
      };
      await deps.outbox.commitOne(database, event, version, db.insertInto('service_accounts').values(row).compile());
    },

    async find(id) {
      const row = await db.selectFrom('service_accounts').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? toRecord(row) : null;
    },

    async list() {
      return (await db.selectFrom('service_accounts').selectAll().orderBy('id').execute()).map(toRecord);
    },

    patch({ id, version, now }, patch, event) {
      const change = db
        .updateTable('service_accounts')
        .set({ ...toChange(patch), updated_at: now, version: version + 1 })
        .where('id', '=', id)
        .where('version', '=', version);
      return deps.outbox.commitOne(database, event, version + 1, change.compile());
    },

    remove({ id, version }, event) {
      const removal = db.deleteFrom('service_accounts').where('id', '=', id).where('version', '=', version);
      return deps.outbox.commitOne(database, event, version + 1, removal.compile());
    },
  };
}

function toChange({ roleIds, ownerIds, ...plain }: ServiceAccountPatch): Updateable<ServiceAccountRow> {
  return {
    ...plain,
    ...(roleIds && { role_ids: JSON.stringify(roleIds) }),
    ...(ownerIds && { owner_ids: JSON.stringify(ownerIds) }),
  };
}

function toRecord({ id, name, description, enabled, version, ...row }: Selectable<ServiceAccountRow>) {
  return {
    id,
    name,
    description,
    enabled: Boolean(enabled),
    roleIds: JSON.parse(row.role_ids),
    ownerIds: JSON.parse(row.owner_ids),
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    version,
  } satisfies ServiceAccountRecord;
}
