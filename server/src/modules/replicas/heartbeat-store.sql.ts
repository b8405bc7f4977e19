import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { type TimeColumn, toDate } from '../../platform/database/values.ts';
import type { HeartbeatStore } from './heartbeat-store.ts';

interface HeartbeatTables {
  beats: { id: string; at: TimeColumn };
}

/** Heartbeats on SQL. */
export function createSqlHeartbeatStore(deps: { database: Database }): HeartbeatStore {
  const { db } = sqlOf<HeartbeatTables>(deps.database);

  async function update(id: string, at: Date): Promise<boolean> {
    const { numUpdatedRows } = await db.updateTable('beats').set({ at }).where('id', '=', id).executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  return {
    async heartbeat(id, at) {
      if (await update(id, at)) return;
      try {
        await db.insertInto('beats').values({ id, at }).execute();
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        await update(id, at);
      }
    },

    async find(id) {
      const row = await db.selectFrom('beats').select('at').where('id', '=', id).executeTakeFirst();
      return row ? toDate(row.at) : null;
    },

    async remove(id) {
      await db.deleteFrom('beats').where('id', '=', id).execute();
    },

    async purge(before) {
      const { numDeletedRows } = await db.deleteFrom('beats').where('at', '<', before).executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}
