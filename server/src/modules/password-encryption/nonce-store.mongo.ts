import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { NonceStore } from './nonce-store.ts';

/** Used nonces on MongoDB. */
export function createMongoNonceStore(deps: { database: Database }): NonceStore {
  const nonces = mongoOf(deps.database).db.collection<{ _id: string; expiresAt: Date }>('used_nonces');

  return {
    async use({ id, expiresAt }) {
      try {
        await nonces.insertOne({ _id: id, expiresAt });
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    async purge(before, limit) {
      const old = nonces.find({ expiresAt: { $lt: before } }, { projection: { _id: 1 } });
      const found = await old.sort({ expiresAt: 1 }).limit(limit).toArray();
      return (await nonces.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } })).deletedCount;
    },
  };
}
