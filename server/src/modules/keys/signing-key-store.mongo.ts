import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { SigningKeyRecord, SigningKeyStore } from './signing-key-store.ts';

type SigningKeyDocument = Omit<SigningKeyRecord, 'id'> & {
  _id: string;
  /** The algorithm while the key is active, else null: unique, so that each algorithm has one active key. */
  activeSlot: string | null;
};

/** Signing keys on MongoDB. */
export function createMongoSigningKeyStore(deps: { database: Database; outbox: MongoOutbox }): SigningKeyStore {
  const keys = mongoOf(deps.database).db.collection<SigningKeyDocument>('signing_keys');
  const outbox = deps.outbox.attach(keys);

  return {
    async list() {
      const documents = await keys
        .find({}, { projection: { outbox: 0 } })
        .sort({ _id: 1 })
        .toArray();
      return documents.map(({ _id: id, activeSlot: _, ...key }) => ({ id, ...key }));
    },

    async insertActive({ id, ...key }, event) {
      try {
        await outbox.insert({ _id: id, ...key, activeSlot: key.algorithm }, event, key.version);
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    async reseal(id, from, to) {
      const result = await keys.updateOne(
        { _id: { $eq: id }, sealedPrivateKey: { $eq: from } },
        { $set: { sealedPrivateKey: to } },
      );
      return result.matchedCount === 1;
    },
  };
}
