import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import type { InstallationStore } from './installation-store.ts';

interface InstallationTables {
  /** `place` is 1: unique, so that the first writer wins. */
  installation: { place: number; id: string };
}

const PLACE = 1;

/** The installation on SQL. */
export function createSqlInstallationStore(deps: { database: Database }): InstallationStore {
  const { db } = sqlOf<InstallationTables>(deps.database);

  return {
    async find() {
      const row = await db.selectFrom('installation').select('id').where('place', '=', PLACE).executeTakeFirst();
      return row?.id ?? null;
    },

    async insert(id) {
      try {
        await db.insertInto('installation').values({ place: PLACE, id }).execute();
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },
  };
}
