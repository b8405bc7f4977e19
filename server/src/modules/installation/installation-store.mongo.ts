import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { InstallationStore } from './installation-store.ts';

interface InstallationDocument {
  /** 1: unique, so that the first writer wins. */
  _id: number;
  id: string;
}

const PLACE = 1;

/** The installation on MongoDB. */
export function createMongoInstallationStore(deps: { database: Database }): InstallationStore {
  const installation = mongoOf(deps.database).db.collection<InstallationDocument>('installation');

  return {
    async find() {
      return (await installation.findOne({ _id: { $eq: PLACE } }))?.id ?? null;
    },

    async insert(id) {
      try {
        await installation.insertOne({ _id: PLACE, id });
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },
  };
}
