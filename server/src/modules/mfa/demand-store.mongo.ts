import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import { type DemandRecord, type DemandStore, demandId } from './demand-store.ts';

/** Demands on MongoDB. */
export function createMongoDemandStore(deps: { database: Database }): DemandStore {
  const demands = mongoOf(deps.database).db.collection<DemandRecord & { _id: string }>('mfa_demands');

  async function insert(userId: string, cause: string, since: Date): Promise<boolean> {
    try {
      await demands.insertOne({ _id: demandId(userId, cause), userId, cause, since });
      return true;
    } catch (error) {
      if (uniqueViolation(error) === null) throw error;
      return false;
    }
  }

  const find = (userId: string) => demands.find({ userId: { $eq: userId } }, { projection: { _id: 0 } }).toArray();

  return {
    async note(userId, causes, since) {
      const kept = (await find(userId)).filter(({ cause }) => causes.includes(cause));
      const missing = causes.filter((cause) => !kept.some((one) => one.cause === cause));
      const late = kept.filter((one) => one.since > since).map(({ cause }) => demandId(userId, cause));
      for (const cause of missing) {
        // Of several at the same time the earliest counts.
        if (!(await insert(userId, cause, since))) late.push(demandId(userId, cause));
      }
      if (late.length > 0) await demands.updateMany({ _id: { $in: late }, since: { $gt: since } }, { $set: { since } });
      if (missing.length === 0 && late.length === 0) return kept;
      return (await find(userId)).filter(({ cause }) => causes.includes(cause));
    },

    async keepOnly(userId, causes) {
      await demands.deleteMany({ userId: { $eq: userId }, cause: { $nin: [...causes] } });
    },

    async forget(cause) {
      await demands.deleteMany({ cause: { $eq: cause } });
    },

    async removeForUser(userId) {
      await demands.deleteMany({ userId: { $eq: userId } });
    },
  };
}
