import { type Database, mongoOf } from '../../platform/database/database.ts';
import type { HeartbeatStore } from './heartbeat-store.ts';

interface HeartbeatDocument {
  _id: string;
  at: Date;
}

/** Heartbeats on MongoDB. */
export function createMongoHeartbeatStore(deps: { database: Database }): HeartbeatStore {
  const heartbeats = mongoOf(deps.database).db.collection<HeartbeatDocument>('beats');

  return {
    async heartbeat(id, at) {
      await heartbeats.updateOne({ _id: { $eq: id } }, { $set: { at } }, { upsert: true });
    },

    async find(id) {
      return (await heartbeats.findOne({ _id: { $eq: id } }))?.at ?? null;
    },

    async remove(id) {
      await heartbeats.deleteOne({ _id: { $eq: id } });
    },

    async purge(before) {
      return (await heartbeats.deleteMany({ at: { $lt: before } })).deletedCount;
    },
  };
}
