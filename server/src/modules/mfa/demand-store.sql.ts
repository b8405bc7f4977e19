import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { type TimeColumn, toDate } from '../../platform/database/values.ts';
import { type DemandStore, demandId } from './demand-store.ts';

interface DemandTables {
  mfa_demands: { id: string; user_id: string; cause: string; since: TimeColumn };
}

/** Demands on SQL. */
export function createSqlDemandStore(deps: { database: Database }): DemandStore {
  const { db } = sqlOf<DemandTables>(deps.database);

  async function insert(userId: string, cause: string, since: Date): Promise<boolean> {
    try {
      const row = { id: demandId(userId, cause), user_id: userId, cause, since };
      await db.insertInto('mfa_demands').values(row).execute();
      return true;
    } catch (error) {
      if (uniqueViolation(error) === null) throw error;
      return false;
    }
  }

  const find = async (userId: string) => {
    const rows = await db.selectFrom('mfa_demands').selectAll().where('user_id', '=', userId).execute();
    return rows.map(({ cause, since }) => ({ userId, cause, since: toDate(since) }));
  };

  return {
    async note(userId, causes, since) {
      const kept = (await find(userId)).filter(({ cause }) => causes.includes(cause));
      const missing = causes.filter((cause) => !kept.some((one) => one.cause === cause));
      const late = kept.filter((one) => one.since > since).map(({ cause }) => demandId(userId, cause));
      for (const cause of missing) {
        // Of several at the same time the earliest counts.
        if (!(await insert(userId, cause, since))) late.push(demandId(userId, cause));
      }
      if (late.length > 0) {
        await db.updateTable('mfa_demands').set({ since }).where('id', 'in', late).where('since', '>', since).execute();
      }
      if (missing.length === 0 && late.length === 0) return kept;
      return (await find(userId)).filter(({ cause }) => causes.includes(cause));
    },

    async keepOnly(userId, causes) {
      const gone = (await find(userId)).map(({ cause }) => cause).filter((cause) => !causes.includes(cause));
      const ids = gone.map((cause) => demandId(userId, cause));
      if (ids.length > 0) await db.deleteFrom('mfa_demands').where('id', 'in', ids).execute();
    },

    async forget(cause) {
      await db.deleteFrom('mfa_demands').where('cause', '=', cause).execute();
    },

    async removeForUser(userId) {
      await db.deleteFrom('mfa_demands').where('user_id', '=', userId).execute();
    },
  };
}
