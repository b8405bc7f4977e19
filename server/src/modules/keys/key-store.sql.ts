import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { type NullableTimeColumn, type TimeColumn, toDate, toDateOrNull } from '../../platform/database/values.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { KeyRecord, KeyStore } from './key-store.ts';

interface KeyTables {
  server_keys: {
    id: string;
    use: KeyRecord['use'];
    /** Unique together with `use`. */
    place: number;
    algorithm: KeyRecord['algorithm'];
    public_jwk: string;
    sealed_private_key: string;
    created_at: TimeColumn;
    activated_at: NullableTimeColumn;
    version: number;
  };
}

/** Keys on SQL. */
export function createSqlKeyStore(deps: { database: Database; outbox: SqlOutbox }): KeyStore {
  const database = sqlOf<KeyTables>(deps.database);
  const { db } = database;
  const { outbox } = deps;

  return {
    async list() {
      const rows = await db.selectFrom('server_keys').selectAll().orderBy('use').orderBy('place').execute();
      return rows.map((row) => ({
        id: row.id,
        use: row.use,
        place: Number(row.place),
        algorithm: row.algorithm,
        publicJwk: JSON.parse(row.public_jwk),
        sealedPrivateKey: row.sealed_private_key,
        createdAt: toDate(row.created_at),
        activatedAt: toDateOrNull(row.activated_at),
        version: Number(row.version),
      }));
    },

    async insert(key, event) {
      const row = {
        id: key.id,
        use: key.use,
        place: key.place,
        algorithm: key.algorithm,
        public_jwk: JSON.stringify(key.publicJwk),
        sealed_private_key: key.sealedPrivateKey,
        created_at: key.createdAt,
        activated_at: key.activatedAt,
        version: key.version,
      };
      try {
        return await outbox.commit(database, event, key.version, async (trx) => {
          await trx.insertInto('server_keys').values(row).execute();
          return true;
        });
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    activate: ({ id, version, now }, event) =>
      outbox.commit(database, event, version + 1, async (trx) => {
        const result = await trx
          .updateTable('server_keys')
          .set({ activated_at: now, version: version + 1 })
          .where('id', '=', id)
          .where('version', '=', version)
          .where('activated_at', 'is', null)
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    remove: ({ id, version }, event) =>
      outbox.commit(database, event, version + 1, async (trx) => {
        const result = await trx
          .deleteFrom('server_keys')
          .where('id', '=', id)
          .where('version', '=', version)
          .executeTakeFirst();
        return result.numDeletedRows === 1n;
      }),

    async reseal(id, from, to) {
      const result = await db
        .updateTable('server_keys')
        .set({ sealed_private_key: to })
        .where('id', '=', id)
        .where('sealed_private_key', '=', from)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
  };
}
