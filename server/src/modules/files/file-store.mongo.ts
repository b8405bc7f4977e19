import type { Filter } from 'mongodb';
import { type Database, mongoOf } from '../../platform/database/database.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { FileAt, FileFilter, FileRecord, FileStore } from './file-store.ts';

type FileDocument = Omit<FileRecord, 'id'> & { _id: string };

const RECORD = { projection: { outbox: 0 } } as const;

/** Files on MongoDB. */
export function createMongoFileStore(deps: { database: Database; outbox: MongoOutbox }): FileStore {
  const files = mongoOf(deps.database).db.collection<FileDocument>('files');
  const outbox = deps.outbox.attach(files);

  const change = ({ id, version, now }: FileAt, set: Partial<FileDocument>, event: EventDraft) =>
    outbox.change({ _id: { $eq: id }, version }, { ...set, updatedAt: now, version: version + 1 }, event, version + 1);

  async function read(filter: Filter<FileDocument>, sort: Record<string, 1 | -1>, { skip = 0, limit = 0 }) {
    return (await files.find(filter, RECORD).sort(sort).skip(skip).limit(limit).toArray()).map(toRecord);
  }

  return {
    insert: ({ id, ...file }, event) => outbox.insert({ _id: id, ...file }, event, file.version),

    async find(id) {
      const document = await files.findOne({ _id: { $eq: id } }, RECORD);
      return document && toRecord(document);
    },

    list: (filter, { before, skip, limit }) =>
      read({ ...shown(filter), ...(before !== null && { _id: { $lt: before } }) }, { _id: -1 }, { skip, limit }),

    count: (filter, limit) => files.countDocuments(shown(filter), { limit }),

    async usage(userId) {
      const [sum] = await files
        .aggregate<{ bytes: number; files: number }>([
          // The parts of a deleted upload are gone with it; in one piece, it can still be sent again.
          {
            $match: {
              userId: { $eq: userId },
              purpose: 'file',
              $or: [{ status: { $ne: 'deleted' } }, { uploadId: null }],
            },
          },
          { $group: { _id: null, bytes: { $sum: '$size' }, files: { $sum: 1 } } },
        ])
        .toArray();
      return { bytes: sum?.bytes ?? 0, files: sum?.files ?? 0 };
    },

    async setUpload({ id, version, now }, uploadId) {
      const filter = { _id: { $eq: id }, version, uploadId: null };
      return (await files.updateOne(filter, { $set: { uploadId, updatedAt: now } })).matchedCount === 1;
    },

    complete: (at, { objectKey, sha256, tendAt }, event) =>
      change(at, { status: 'ready', objectKey, sha256, tendAt }, event),

    remove: (at, tendAt, event) =>
      change(at, { status: 'deleted', filename: '', contentType: '', sha256: null, tendAt }, event),

    async tend({ id, version }, tendAt) {
      return (await files.updateOne({ _id: { $eq: id }, version }, { $set: { tendAt } })).matchedCount === 1;
    },

    async forget(id) {
      if (await files.findOne({ _id: { $eq: id }, status: 'deleted' }, { projection: { _id: 1 } })) {
        await outbox.remove(id);
      }
    },

    due: (now, limit) => read({ tendAt: { $type: 'date', $lte: now } }, { tendAt: 1 }, { limit }),
    ofUser: (userId, limit) => read({ userId: { $eq: userId }, status: { $ne: 'deleted' } }, { _id: 1 }, { limit }),
  };
}

function shown({ userId, status }: FileFilter): Filter<FileDocument> {
  return {
    purpose: 'file',
    status: status === undefined ? { $ne: 'deleted' } : { $eq: status },
    ...(userId !== null && { userId: { $eq: userId } }),
  };
}

function toRecord({ _id: id, ...file }: FileDocument): FileRecord {
  return { id, ...file };
}
