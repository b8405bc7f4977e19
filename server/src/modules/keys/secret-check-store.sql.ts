import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { type TimeColumn, toDate } from '../../platform/database/values.ts';
import type { SecretCheckStore } from './secret-check-store.ts';

interface SecretCheckTables {
  secret_checks: {
    /** 1, 2, 3 …: unique, so that the first writer wins. */
    place: number;
    key_id: string;
    value: string;
    sealed_mask_key: string | null;
    created_at: TimeColumn;
  };
}

/** Secret checks on SQL. */
export function createSqlSecretCheckStore({ database }: { database: Database }): SecretCheckStore {
  const { db } = sqlOf<SecretCheckTables>(database);

  return {
    async list() {
      const rows = await db.selectFrom('secret_checks').selectAll().orderBy('place').execute();
      return rows.map((row) => ({
        keyId: row.key_id,
        value: row.value,
        sealedMaskKey: row.sealed_mask_key,
        createdAt: toDate(row.created_at),
      }));
    },

    async add({ keyId, value, sealedMaskKey, createdAt }, mode) {
      const last = mode === 'first' ? 0 : await lastPlace();
      try {
        await db
          .insertInto('secret_checks')
          .values({
            place: last + 1,
            key_id: keyId,
            value,
            sealed_mask_key: sealedMaskKey,
            created_at: createdAt,
          })
          .execute();
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },
  };

  async function lastPlace(): Promise<number> {
    const row = await db
      .selectFrom('secret_checks')
      .select(({ fn }) => fn.max('place').as('place'))
      .executeTakeFirst();
    return Number(row?.place ?? 0);
  }
}
