import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import { fromState, toState } from './import-state.ts';
import type { ImportStore } from './import-store.ts';

/** `state` is JSON, see `import-state.ts`. */
interface ImportDocument {
  _id: string;
  state: string;
  version: number;
}

/** The progress of imports on MongoDB. */
export function createMongoImportStore(deps: { database: Database; outbox: MongoOutbox }): ImportStore {
  const imports = mongoOf(deps.database).db.collection<ImportDocument>('imports');
  const outbox = deps.outbox.attach(imports);

  return {
    async find(id) {
      const document = await imports.findOne({ _id: { $eq: id } });
      return document && fromState(id, document.state, document.version);
    },

    async replace(from, next, event) {
      const { id } = next;
      const set = { state: toState(next), version: from + 1 };
      try {
        if (from === 0) {
          if (event === null) await imports.insertOne({ _id: id, ...set });
          else await outbox.insert({ _id: id, ...set }, event, set.version);
          return true;
        }
        const filter = { _id: { $eq: id }, version: from };
        if (event !== null) return await outbox.change(filter, set, event, set.version);
        return (await imports.updateOne(filter, { $set: set })).matchedCount === 1;
      } catch (error) {
        if (from === 0 && uniqueViolation(error) !== null) return false;
        throw error;
      }
    },
  };
}
