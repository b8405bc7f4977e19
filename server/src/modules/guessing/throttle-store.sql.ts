import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { prepared, preparedInsert } from '../../platform/database/prepared.ts';
import { rowBy } from '../../platform/database/row-by.ts';
import { type TimeColumn, toDate } from '../../platform/database/values.ts';
import type { Throttle, ThrottleStore } from './throttle-store.ts';

interface ThrottleTables {
  throttles: {
    key: string;
    tries: number;
    next_at: TimeColumn;
    expires_at: TimeColumn;
    version: number;
  };
}

/** Throttles on SQL. */
export function createSqlThrottleStore({ database }: { database: Database }): ThrottleStore {
  const { db } = sqlOf<ThrottleTables>(database);

  const byKey = rowBy(db, 'throttles', 'key');
  const first = preparedInsert(db, 'throttles');
  const next = prepared((to: Throttle & { seen: number }) =>
    db
      .updateTable('throttles')
      .set({ tries: to.tries, next_at: to.nextAt, expires_at: to.expiresAt, version: to.version })
      .where('key', '=', to.key)
      .where('version', '=', to.seen),
  );

  async function insert(row: Parameters<ThrottleStore['put']>[0]): Promise<boolean> {
    const { key, tries, nextAt, expiresAt, version } = row;
    const values = { key, tries, next_at: nextAt, expires_at: expiresAt, version };
    try {
      await db.executeQuery(first.with(values));
      return true;
    } catch (error) {
      if (uniqueViolation(error) === null) throw error;
      return false;
    }
  }

  return {
    async find(key) {
      const row = await byKey(key);
      if (!row) return null;
      const { tries, version } = row;
      return { key, tries, nextAt: toDate(row.next_at), expiresAt: toDate(row.expires_at), version };
    },

    async put(throttle) {
      const { key, tries, nextAt, expiresAt, version } = throttle;
      if (version === 1) return insert(throttle);
      const values = { key, tries, nextAt, expiresAt, version, seen: version - 1 };
      return (await db.executeQuery(next.with(values))).numAffectedRows === 1n;
    },

    async remove(key) {
      await db.deleteFrom('throttles').where('key', '=', key).execute();
    },

    async purge(before, limit) {
      const over = await db
        .selectFrom('throttles')
        .select('key')
        .where('expires_at', '<', before)
        .orderBy('expires_at')
        .limit(limit)
        .execute();
      if (over.length === 0) return 0;
      const keys = over.map(({ key }) => key);
      // The condition is checked again: a throttle with newer attempts stays.
      const result = await db
        .deleteFrom('throttles')
        .where('key', 'in', keys)
        .where('expires_at', '<', before)
        .executeTakeFirst();
      return Number(result.numDeletedRows);
    },
  };
}
