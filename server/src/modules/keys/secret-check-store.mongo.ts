import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { SecretCheck, SecretCheckStore } from './secret-check-store.ts';

interface SecretCheckDocument extends Omit<SecretCheck, 'sealedMaskKey'> {
  /** 1, 2, 3 …: unique, so that the first writer wins. */
  _id: number;
  /** Older documents have none. */
  sealedMaskKey?: string | null;
}

/** Secret checks on MongoDB. */
export function createMongoSecretCheckStore({ database }: { database: Database }): SecretCheckStore {
  const checks = mongoOf(database).db.collection<SecretCheckDocument>('secret_checks');

  return {
    async list() {
      const documents = await checks.find().sort({ _id: 1 }).toArray();
      return documents.map(({ keyId, value, sealedMaskKey = null, createdAt }) => ({
        keyId,
        value,
        sealedMaskKey,
        createdAt,
      }));
    },

    async add({ keyId, value, sealedMaskKey, createdAt }, mode) {
      const last = mode === 'first' ? 0 : await lastPlace();
      try {
        await checks.insertOne({ _id: last + 1, keyId, value, sealedMaskKey, createdAt });
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },
  };

  async function lastPlace(): Promise<number> {
    const last = await checks.findOne({}, { sort: { _id: -1 } });
    return last?._id ?? 0;
  }
}
