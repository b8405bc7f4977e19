import { type Database, type MongoOutbox, mongoOf } from 'ostiary';
import type { ViolationFilter, ViolationRecord, ViolationStore } from './violation-store.ts';

type ViolationDocument = Omit<ViolationRecord, 'id'> & { _id: string };

const RECORD = { projection: { outbox: 0 } } as const;

/** Violations on MongoDB. */
export function createMongoViolationStore(deps: { database: Database; outbox: MongoOutbox }): ViolationStore {
  const violations = mongoOf(deps.database).db.collection<ViolationDocument>('sites_violations');
  const outbox = deps.outbox.attach(violations);
  const filterOf = ({ siteId, status }: ViolationFilter) => ({
    ...(siteId !== null && { siteId: { $eq: siteId } }),
    ...(status !== undefined && { status: { $eq: status } }),
  });

  return {
    insert: ({ id, ...violation }, event) => outbox.insert({ _id: id, ...violation }, event, violation.version),

    async find(id) {
      const document = await violations.findOne({ _id: { $eq: id } }, RECORD);
      return document && toRecord(document);
    },

    async list(filter, { before, skip, limit }) {
      const page = { ...filterOf(filter), ...(before !== null && { _id: { $lt: before } }) };
      return (await violations.find(page, RECORD).sort({ _id: -1 }).skip(skip).limit(limit).toArray()).map(toRecord);
    },

    count: (filter, limit) => violations.countDocuments(filterOf(filter), { limit }),

    async addEvidence({ id, version, now: updatedAt }, evidence, event) {
      // The version says that what is read here is what is replaced.
      const before = await violations.findOne({ _id: { $eq: id }, version }, { projection: { evidence: 1 } });
      if (!before) return false;
      const all = [...before.evidence, evidence].sort((a, b) => (a.fileId < b.fileId ? -1 : 1));
      const set = { evidence: all, updatedAt, version: version + 1 };
      return outbox.change({ _id: { $eq: id }, version }, set, event, version + 1);
    },

    resolve: ({ id, version, now: updatedAt }, event) =>
      outbox.change(
        { _id: { $eq: id }, version },
        { status: 'resolved', updatedAt, version: version + 1 },
        event,
        version + 1,
      ),

    async forgetUser(userId) {
      await violations.updateMany({ reportedBy: { $eq: userId } }, { $set: { reportedBy: null } });
      const theirs = { 'evidence.ownerId': { $eq: userId } };
      await violations.updateMany(theirs, { $pull: { evidence: { ownerId: { $eq: userId } } } });
    },
  };
}

function toRecord({ _id: id, ...violation }: ViolationDocument): ViolationRecord {
  return { id, ...violation };
}
