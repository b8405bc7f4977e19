import { type Database, mongoOf } from '../../platform/database/database.ts';
import type { BeatStore } from './beat-store.ts';

interface BeatDocument {
  _id: string;
  at: Date;
}

/** Beats on MongoDB. */
export function createMongoBeatStore(deps: { database: Database }): BeatStore {
  const beats = mongoOf(deps.database).db.collection<BeatDocument>('beats');

  return {
    async beat(id, at) {
      await beats.updateOne({ _id: { $eq: id } }, { $set: { at } }, { upsert: true });
    },

    async find(id) {
      return (await beats.findOne({ _id: { $eq: id } }))?.at ?? null;
    },

    async remove(id) {
      await beats.deleteOne({ _id: { $eq: id } });
    },

    async purge(before) {
      return (await beats.deleteMany({ at: { $lt: before } })).deletedCount;
    },
  };
}
