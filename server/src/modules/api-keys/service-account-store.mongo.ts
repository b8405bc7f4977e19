import { type Database, mongoOf } from '../../platform/database/database.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { ServiceAccountPatch, ServiceAccountRecord, ServiceAccountStore } from './service-account-store.ts';

/** Without a name it is a tombstone, until its last event has been moved. */
type ServiceAccountDocument = Omit<ServiceAccountRecord, 'id' | 'name'> & { _id: string; name: string | null };

const LIVING = { name: { $type: 'string' } } as const;
const RECORD = { projection: { outbox: 0 } } as const;

/** Service accounts on MongoDB. */
export function createMongoServiceAccountStore(deps: { database: Database; outbox: MongoOutbox }): ServiceAccountStore {
  const accounts = mongoOf(deps.database).db.collection<ServiceAccountDocument>('service_accounts');
  const outbox = deps.outbox.attach(accounts);

  return {
    insert: ({ id, ...account }, event) => outbox.insert({ _id: id, ...account }, event, account.version),

    async find(id) {
      const document = await accounts.findOne({ _id: { $eq: id }, ...LIVING }, RECORD);
      return document && toRecord(document);
    },

    list: async () => (await accounts.find(LIVING, RECORD).sort({ _id: 1 }).toArray()).map(toRecord),

    patch: ({ id, version, now }, patch, event) =>
      outbox.change(
        { _id: { $eq: id }, version, ...LIVING },
        { ...said(patch), updatedAt: now, version: version + 1 },
        event,
        version + 1,
      ),

    async remove({ id, version, now: updatedAt }, event) {
      const tombstone = { name: null, updatedAt, version: version + 1 };
      if (!(await outbox.change({ _id: { $eq: id }, version, ...LIVING }, tombstone, event, version + 1))) return false;
      // No read finds the account any more: a tombstone that remains after a crash does no harm.
      await outbox.remove(id).catch(() => {});
      return true;
    },
  };
}

/** Omits undefined fields, which the driver would write as null. */
function said(patch: ServiceAccountPatch): ServiceAccountPatch {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}

function toRecord({ _id: id, name, ...account }: ServiceAccountDocument): ServiceAccountRecord {
  return { id, name: name ?? '', ...account };
}
