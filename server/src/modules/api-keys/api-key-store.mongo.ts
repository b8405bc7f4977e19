import type { Filter } from 'mongodb';
import { type Database, mongoOf } from '../../platform/database/database.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { ApiKeyAt, ApiKeyRecord, ApiKeyStore, LiveKeyFilter } from './api-key-store.ts';

type ApiKeyDocument = Omit<ApiKeyRecord, 'id'> & { _id: string };

const RECORD = { projection: { outbox: 0 } } as const;

/** Keys on MongoDB. */
export function createMongoApiKeyStore(deps: { database: Database; outbox: MongoOutbox }): ApiKeyStore {
  const keys = mongoOf(deps.database).db.collection<ApiKeyDocument>('api_keys');
  const outbox = deps.outbox.attach(keys);

  const change = ({ id, version, now }: ApiKeyAt, set: Partial<ApiKeyDocument>, event: EventDraft) =>
    outbox.change(
      { _id: { $eq: id }, version, revokedAt: null },
      { ...set, updatedAt: now, version: version + 1 },
      event,
      version + 1,
    );

  async function read(
    filter: Filter<ApiKeyDocument>,
    sort: Record<string, 1 | -1>,
    { skip = 0, limit }: { skip?: number; limit: number },
  ) {
    return (await keys.find(filter, RECORD).sort(sort).skip(skip).limit(limit).toArray()).map(toRecord);
  }

  return {
    insert: ({ id, ...key }, event) => outbox.insert({ _id: id, ...key }, event, key.version),

    async find(id) {
      const document = await keys.findOne({ _id: { $eq: id } }, RECORD);
      return document && toRecord(document);
    },

    listOf: (subjectId, limit) => read({ subjectId: { $eq: subjectId }, revokedAt: null }, { _id: -1 }, { limit }),

    list: (filter, { before, skip, limit }) =>
      read({ ...shown(filter), ...(before !== null && { _id: { $lt: before } }) }, { _id: -1 }, { skip, limit }),

    count: (filter, limit) => keys.countDocuments(shown(filter), { limit }),

    narrow: (at, { name, scopes, wide, networks, expiresAt, remindAt }, event) =>
      change(at, { name, scopes, wide, networks, expiresAt, remindAt }, event),

    rotate: (at, { hash, previousHash, previousUntil, expiresAt, remindAt }, event) =>
      change(at, { hash, previousHash, previousUntil, expiresAt, remindAt }, event),

    revoke: (at, reason, event) =>
      change(at, { revokedAt: at.now, revokeReason: reason, previousHash: null, remindAt: null }, event),

    async noteUse(id, { at, ip, agent }, olderThan) {
      const isOlder = { $or: [{ lastUsedAt: null }, { lastUsedAt: { $lte: olderThan } }] };
      const use = { lastUsedAt: at, lastUsedIp: ip, lastUsedAgent: agent };
      return (await keys.updateOne({ _id: { $eq: id }, ...isOlder }, { $set: use })).matchedCount === 1;
    },

    noteNetwork: (at, { seenNetworks, networkToldAt }, event) => change(at, { seenNetworks, networkToldAt }, event),
    noteRefusal: (at, refusalToldAt, event) => change(at, { refusalToldAt }, event),

    dueReminders: (now, limit) =>
      read({ remindAt: { $type: 'date', $lte: now }, revokedAt: null }, { remindAt: 1 }, { limit }),

    remind: (at, remindAt, event) => change(at, { remindAt }, event),

    async purge(before, limit) {
      const old = keys.find({ expiresAt: { $lt: before } }, { projection: { _id: 1 } }).limit(limit);
      const ids = (await old.toArray()).map(({ _id }) => _id);
      // One that was rotated since it was read stays, and one whose event has not been moved yet.
      const settled = { expiresAt: { $lt: before }, 'outbox._id': { $exists: false } };
      return (await keys.deleteMany({ _id: { $in: ids }, ...settled })).deletedCount;
    },

    async removeForSubject(subjectId) {
      const theirs = keys.find({ subjectId: { $eq: subjectId } }, { projection: { _id: 1 } });
      for (const { _id } of await theirs.toArray()) await outbox.remove(_id);
    },
  };
}

function shown({ now, unusedSince, expiresBefore, wide, subjectId }: LiveKeyFilter): Filter<ApiKeyDocument> {
  return {
    revokedAt: null,
    expiresAt: { $gt: now, ...(expiresBefore && { $lt: expiresBefore }) },
    ...(unusedSince && {
      createdAt: { $lt: unusedSince },
      $or: [{ lastUsedAt: null }, { lastUsedAt: { $lt: unusedSince } }],
    }),
    ...(wide !== undefined && { wide }),
    ...(subjectId !== undefined && { subjectId: { $eq: subjectId } }),
  };
}

function toRecord({ _id: id, ...key }: ApiKeyDocument): ApiKeyRecord {
  return { id, ...key };
}
