import type { Kysely } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import { fromState, toState } from './import-state.ts';
import type { ImportStore } from './import-store.ts';

interface ImportTables {
  /** `state` is JSON, see `import-state.ts`. */
  imports: { id: string; state: string; version: number };
}

/** The progress of imports on SQL. */
export function createSqlImportStore(deps: { database: Database; outbox: SqlOutbox }): ImportStore {
  const database = sqlOf<ImportTables>(deps.database);

  async function write(db: Kysely<ImportTables>, from: number, { id, state }: { id: string; state: string }) {
    if (from === 0) {
      await db.insertInto('imports').values({ id, state, version: 1 }).execute();
      return true;
    }
    const result = await db
      .updateTable('imports')
      .set({ state, version: from + 1 })
      .where('id', '=', id)
      .where('version', '=', from)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  return {
    async find(id) {
      const row = await database.db.selectFrom('imports').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? fromState(row.id, row.state, row.version) : null;
    },

    async replace(from, next, event) {
      const row = { id: next.id, state: toState(next) };
      try {
        if (event === null) return await write(database.db, from, row);
        return await deps.outbox.commit(database, event, from + 1, (trx) => write(trx, from, row));
      } catch (error) {
        // Two processes that begin at once: the first row counts.
        if (from === 0 && uniqueViolation(error) !== null) return false;
        throw error;
      }
    },
  };
}
