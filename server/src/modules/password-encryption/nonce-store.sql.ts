import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import type { TimeColumn } from '../../platform/database/values.ts';
import type { NonceStore } from './nonce-store.ts';

interface NonceTables {
  used_nonces: { id: string; expires_at: TimeColumn };
}

/** Used nonces on SQL. */
export function createSqlNonceStore(deps: { database: Database }): NonceStore {
  const { db } = sqlOf<NonceTables>(deps.database);

  return {
    async use({ id, expiresAt }) {
      try {
        await db.insertInto('used_nonces').values({ id, expires_at: expiresAt }).execute();
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    async purge(before, limit) {
      const old = db.selectFrom('used_nonces').select('id').where('expires_at', '<', before);
      const rows = await old.orderBy('expires_at').limit(limit).execute();
      if (rows.length === 0) return 0;
      const ids = rows.map(({ id }) => id);
      return Number((await db.deleteFrom('used_nonces').where('id', 'in', ids).executeTakeFirst()).numDeletedRows);
    },
  };
}
