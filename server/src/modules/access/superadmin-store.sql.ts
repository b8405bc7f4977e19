import { type Database, sqlOf } from '../../platform/database/database.ts';
import { type NullableTimeColumn, toDate } from '../../platform/database/values.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { SuperadminStore } from './superadmin-store.ts';

interface SuperadminTables {
  /** One row, inserted by the migration. */
  superadmins: {
    id: number;
    user_ids: string;
    setup_id: string | null;
    setup_key_id: string | null;
    setup_expires_at: NullableTimeColumn;
    version: number;
  };
}

const THE_ROW = 1;

/** The superadmins on SQL. */
export function createSqlSuperadminStore(deps: { database: Database; outbox: SqlOutbox }): SuperadminStore {
  const database = sqlOf<SuperadminTables>(deps.database);

  return {
    async read() {
      const row = await database.db
        .selectFrom('superadmins')
        .selectAll()
        .where('id', '=', THE_ROW)
        .executeTakeFirstOrThrow();
      const { setup_id: id, setup_key_id: keyId, setup_expires_at: expiresAt } = row;
      return {
        userIds: JSON.parse(row.user_ids),
        setup: id && keyId && expiresAt ? { id, keyId, expiresAt: toDate(expiresAt) } : null,
        version: row.version,
      };
    },

    replace: (from, { userIds, setup }, event) =>
      deps.outbox.commit(database, event, from + 1, async (trx) => {
        const result = await trx
          .updateTable('superadmins')
          .set({
            user_ids: JSON.stringify(userIds),
            setup_id: setup?.id ?? null,
            setup_key_id: setup?.keyId ?? null,
            setup_expires_at: setup?.expiresAt ?? null,
            version: from + 1,
          })
          .where('id', '=', THE_ROW)
          .where('version', '=', from)
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),
  };
}
