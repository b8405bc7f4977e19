import { type Database, mongoOf } from '../../platform/database/database.ts';
import type { WorkerRecord, WorkerStore } from './worker-store.ts';

type WorkerDocument = Omit<WorkerRecord, 'id'> & { _id: string };

/** Workers on MongoDB. */
export function createMongoWorkerStore(deps: { database: Database }): WorkerStore {
  const workers = mongoOf(deps.database).db.collection<WorkerDocument>('workers');

  return {
    async heartbeat({ id, host, pid, startedAt, seenAt, active, names }) {
      const change = { $set: { seenAt, active, names }, $setOnInsert: { host, pid, startedAt } };
      await workers.updateOne({ _id: { $eq: id } }, change, { upsert: true });
    },

    async list(since) {
      const found = workers.find({ seenAt: { $gte: since } }).sort({ startedAt: 1, _id: 1 });
      return (await found.toArray()).map(({ _id: id, ...worker }) => ({ id, ...worker }));
    },

    async remove(id) {
      await workers.deleteOne({ _id: { $eq: id } });
    },

    async purge(before) {
      return (await workers.deleteMany({ seenAt: { $lt: before } })).deletedCount;
    },
  };
}
