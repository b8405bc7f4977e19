import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { type NullableTimeColumn, type TimeColumn, toDate, toDateOrNull } from '../../platform/database/values.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { SigningKeyRecord, SigningKeyStore } from './signing-key-store.ts';

interface SigningKeyTables {
  signing_keys: {
    id: string;
    algorithm: SigningKeyRecord['algorithm'];
    status: SigningKeyRecord['status'];
    /** The algorithm while the key is active, else null: unique, so that each algorithm has one active key. */
    active_slot: string | null;
    public_jwk: string;
    sealed_private_key: string;
    created_at: TimeColumn;
    activated_at: NullableTimeColumn;
    retired_at: NullableTimeColumn;
    version: number;
  };
}

/** Signing keys on SQL. */
export function createSqlSigningKeyStore(deps: { database: Database; outbox: SqlOutbox }): SigningKeyStore {
  const database = sqlOf<SigningKeyTables>(deps.database);
  const { db } = database;

  return {
    async list() {
      const rows = await db.selectFrom('signing_keys').selectAll().orderBy('id').execute();
      return rows.map((row) => ({
        id: row.id,
        algorithm: row.algorithm,
        status: row.status,
        publicJwk: JSON.parse(row.public_jwk),
        sealedPrivateKey: row.sealed_private_key,
        createdAt: toDate(row.created_at),
        activatedAt: toDateOrNull(row.activated_at),
        retiredAt: toDateOrNull(row.retired_at),
        version: row.version,
      }));
    },

    async insertActive(key, event) {
      const row = {
        id: key.id,
        algorithm: key.algorithm,
        status: key.status,
        active_slot: key.algorithm,
        public_jwk: JSON.stringify(key.publicJwk),
        sealed_private_key: key.sealedPrivateKey,
        created_at: key.createdAt,
        activated_at: key.activatedAt,
        retired_at: key.retiredAt,
        version: key.version,
      };
      try {
        return await deps.outbox.commit(database, event, key.version, async (trx) => {
          await trx.insertInto('signing_keys').values(row).execute();
          return true;
        });
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    async reseal(id, from, to) {
      const result = await db
        .updateTable('signing_keys')
        .set({ sealed_private_key: to })
        .where('id', '=', id)
        .where('sealed_private_key', '=', from)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
  };
}
