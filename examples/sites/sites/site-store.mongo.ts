import { type Database, type MongoOutbox, mongoOf } from 'ostiary';
import type { SiteRecord, SiteStore } from './site-store.ts';

type SiteDocument = Omit<SiteRecord, 'id'> & { _id: string };

const RECORD = { projection: { outbox: 0 } } as const;

/** Sites on MongoDB: a site has the ids of its users. */
export function createMongoSiteStore(deps: { database: Database; outbox: MongoOutbox }): SiteStore {
  const sites = mongoOf(deps.database).db.collection<SiteDocument>('sites');
  const outbox = deps.outbox.attach(sites);
  const filterOf = (userId: string | null) => (userId === null ? {} : { userIds: { $eq: userId } });

  return {
    insert: ({ id, ...site }, event) => outbox.insert({ _id: id, ...site }, event, site.version),

    async find(id) {
      const document = await sites.findOne({ _id: { $eq: id } }, RECORD);
      return document && toRecord(document);
    },

    async list({ userId }, { before, skip, limit }) {
      const filter = { ...filterOf(userId), ...(before !== null && { _id: { $lt: before } }) };
      return (await sites.find(filter, RECORD).sort({ _id: -1 }).skip(skip).limit(limit).toArray()).map(toRecord);
    },

    count: ({ userId }, limit) => sites.countDocuments(filterOf(userId), { limit }),

    setUsers: ({ id, version, now: updatedAt }, userIds, event) =>
      outbox.change(
        { _id: { $eq: id }, version },
        { userIds: [...userIds].sort(), updatedAt, version: version + 1 },
        event,
        version + 1,
      ),
  };
}

function toRecord({ _id: id, ...site }: SiteDocument): SiteRecord {
  return { id, ...site };
}
