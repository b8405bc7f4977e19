import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { KeyRecord, KeyStore } from './key-store.ts';

/** Without a place: a tombstone, until its last event has been moved; the unique index ignores it. */
type KeyDocument = Omit<KeyRecord, 'id' | 'place'> & { _id: string; place: number | null };

const LIVING = { place: { $gt: 0 } } as const;

/** Keys on MongoDB. */
export function createMongoKeyStore(deps: { database: Database; outbox: MongoOutbox }): KeyStore {
  const keys = mongoOf(deps.database).db.collection<KeyDocument>('server_keys');
  const outbox = deps.outbox.attach(keys);

  return {
    async list() {
      const found = keys.find(LIVING, { projection: { outbox: 0 } }).sort({ use: 1, place: 1 });
      return (await found.toArray()).map(({ _id: id, place, ...key }) => ({ id, place: place ?? 0, ...key }));
    },

    async insert({ id, ...key }, event) {
      try {
        await outbox.insert({ _id: id, ...key }, event, key.version);
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    activate: ({ id, version, now }, event) =>
      outbox.change(
        { _id: { $eq: id }, version, activatedAt: null, ...LIVING },
        { activatedAt: now, version: version + 1 },
        event,
        version + 1,
      ),

    async remove({ id, version }, event) {
      const gone = { place: null, sealedPrivateKey: '', version: version + 1 };
      if (!(await outbox.change({ _id: { $eq: id }, version, ...LIVING }, gone, event, version + 1))) return false;
      // Already removed for all readers: a tombstone that is left after a crash is harmless.
      await outbox.remove(id).catch(() => {});
      return true;
    },

    async reseal(id, from, to) {
      const result = await keys.updateOne(
        { _id: { $eq: id }, sealedPrivateKey: { $eq: from }, ...LIVING },
        { $set: { sealedPrivateKey: to } },
      );
      return result.matchedCount === 1;
    },
  };
}
