import type { Selectable } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { type TimeColumn, toDate } from '../../platform/database/values.ts';
import type { WorkerRecord, WorkerStore } from './worker-store.ts';

interface WorkerRow {
  id: string;
  host: string;
  pid: number;
  started_at: TimeColumn;
  seen_at: TimeColumn;
  active: number;
  names: string;
}

interface WorkerTables {
  workers: WorkerRow;
}

/** Workers on SQL. */
export function createSqlWorkerStore(deps: { database: Database }): WorkerStore {
  const { db } = sqlOf<WorkerTables>(deps.database);

  async function update({ id, seenAt, active, names }: WorkerRecord): Promise<boolean> {
    const { numUpdatedRows } = await db
      .updateTable('workers')
      .set({ seen_at: seenAt, active, names: JSON.stringify(names) })
      .where('id', '=', id)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  return {
    async heartbeat(worker) {
      if (await update(worker)) return;
      const { id, host, pid, startedAt, seenAt, active, names } = worker;
      const row = { id, host, pid, started_at: startedAt, seen_at: seenAt, active, names: JSON.stringify(names) };
      try {
        await db.insertInto('workers').values(row).execute();
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        await update(worker);
      }
    },

    async list(since) {
      const rows = await db
        .selectFrom('workers')
        .selectAll()
        .where('seen_at', '>=', since)
        .orderBy('started_at')
        .orderBy('id')
        .execute();
      return rows.map(toRecord);
    },

    async remove(id) {
      await db.deleteFrom('workers').where('id', '=', id).execute();
    },

    async purge(before) {
      const { numDeletedRows } = await db.deleteFrom('workers').where('seen_at', '<', before).executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}

function toRecord({ id, host, pid, started_at, seen_at, active, names }: Selectable<WorkerRow>): WorkerRecord {
  const times = { startedAt: toDate(started_at), seenAt: toDate(seen_at) };
  return { id, host, pid, ...times, active, names: JSON.parse(names) };
}
