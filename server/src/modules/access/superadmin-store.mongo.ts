import { type Database, mongoOf } from '../../platform/database/database.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { SuperadminRecord, SuperadminStore } from './superadmin-store.ts';

type SuperadminDocument = SuperadminRecord & { _id: string };

/** One document, inserted by the migration. */
const THE_DOCUMENT = 'superadmins';

/** The superadmins on MongoDB. */
export function createMongoSuperadminStore(deps: { database: Database; outbox: MongoOutbox }): SuperadminStore {
  const superadmins = mongoOf(deps.database).db.collection<SuperadminDocument>('superadmins');
  const outbox = deps.outbox.attach(superadmins);

  return {
    async read() {
      const document = await superadmins.findOne({ _id: THE_DOCUMENT }, { projection: { outbox: 0 } });
      if (!document) throw new Error('The record of the superadmins, which a migration inserts, is missing.');
      const { userIds, setup, version } = document;
      return { userIds, setup, version };
    },

    replace: (from, { userIds, setup }, event) =>
      outbox.change(
        { _id: THE_DOCUMENT, version: from },
        {
          userIds,
          setup: setup && { id: setup.id, keyId: setup.keyId, expiresAt: setup.expiresAt },
          version: from + 1,
        },
        event,
        from + 1,
      ),
  };
}
