import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { Throttle, ThrottleStore } from './throttle-store.ts';

type ThrottleDocument = Omit<Throttle, 'key'> & { _id: string };

/** Throttles on MongoDB. */
export function createMongoThrottleStore({ database }: { database: Database }): ThrottleStore {
  const throttles = mongoOf(database).db.collection<ThrottleDocument>('throttles');

  return {
    async find(key) {
      const found = await throttles.findOne({ _id: { $eq: key } });
      if (!found) return null;
      const { tries, nextAt, expiresAt, version } = found;
      return { key, tries, nextAt, expiresAt, version };
    },

    async put({ key, ...state }) {
      if (state.version > 1) {
        const seen = { _id: { $eq: key }, version: state.version - 1 };
        return (await throttles.updateOne(seen, { $set: state })).matchedCount === 1;
      }
      try {
        await throttles.insertOne({ _id: key, ...state });
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    async remove(key) {
      await throttles.deleteOne({ _id: { $eq: key } });
    },

    async purge(before, limit) {
      const isOver = { expiresAt: { $lt: before } };
      const over = await throttles
        .find(isOver, { projection: { _id: 1 } })
        .sort({ expiresAt: 1 })
        .limit(limit)
        .toArray();
      // The condition is checked again: a throttle with newer attempts stays.
      return (await throttles.deleteMany({ _id: { $in: over.map(({ _id }) => _id) }, ...isOver })).deletedCount;
    },
  };
}
