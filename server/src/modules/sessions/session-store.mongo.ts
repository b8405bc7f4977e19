import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { Stored } from '../../platform/database/stored.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import { amrOf, proofsOf } from './names.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';

type Always =
  | ('userId' | 'clientId' | 'epoch' | 'generation' | 'generationUsed' | 'tokenHash' | 'previousHash')
  | ('rotationNonce' | 'rotatedAt' | 'authTime' | 'device' | 'ip' | 'network' | 'country')
  | ('createdAt' | 'lastSeenAt' | 'idleExpiresAt' | 'expiresAt' | 'endedAt' | 'endReason' | 'version');
/** `amr` is for the previous version, which does not read `methods`. */
type SessionDocument = Stored<Omit<SessionRecord, 'id'>, Always> & { _id: string; amr: string[] };

const NOTHING_ADDED = {
  aal: 1,
  organizationId: null,
  parentId: null,
  grantId: null,
  jkt: null,
  providerId: null,
  refreshedBy: null,
} as const;
const RECORD = { projection: { outbox: 0 } } as const;

/** Sessions on MongoDB. */
export function createMongoSessionStore(deps: { database: Database; outbox: MongoOutbox }): SessionStore {
  const sessions = mongoOf(deps.database).db.collection<SessionDocument>('sessions');
  const outbox = deps.outbox.attach(sessions);

  return {
    async create({ id, ...session }, event) {
      try {
        await outbox.insert({ _id: id, ...session, amr: amrOf(session.methods) }, event, session.version);
        return true;
      } catch (error) {
        if (uniqueViolation(error) !== '_id') throw error;
        return false;
      }
    },

    async find(id) {
      const document = await sessions.findOne({ _id: { $eq: id } }, RECORD);
      return document ? toRecord(document) : null;
    },

    rotate: (rotation, event) =>
      outbox.change(
        {
          _id: { $eq: rotation.id },
          version: rotation.version,
          generation: rotation.fromGeneration,
          tokenHash: { $eq: rotation.fromHash },
          endedAt: null,
          idleExpiresAt: { $gt: rotation.now },
        },
        {
          generation: rotation.fromGeneration + 1,
          tokenHash: rotation.toHash,
          previousHash: rotation.fromHash,
          rotationNonce: rotation.nonce,
          rotatedAt: rotation.now,
          generationUsed: false,
          lastSeenAt: rotation.now,
          idleExpiresAt: rotation.idleExpiresAt,
          refreshedBy: rotation.refreshedBy,
          ip: rotation.ip,
          network: rotation.network,
          country: rotation.country,
          version: rotation.version + 1,
        },
        event,
        rotation.version + 1,
      ),

    async markUsed(id, generation, now) {
      await sessions.updateOne(
        { _id: { $eq: id }, generation, generationUsed: false },
        { $set: { generationUsed: true, lastSeenAt: now } },
      );
    },

    elevate: ({ id, version }, change, event) =>
      outbox.change(
        { _id: { $eq: id }, version, endedAt: null },
        { ...change, amr: amrOf(change.methods), version: version + 1 },
        event,
        version + 1,
      ),

    end: ({ id, version }, { endedAt, endReason }, event) =>
      outbox.change(
        { _id: { $eq: id }, version, endedAt: null },
        { endedAt, endReason, version: version + 1 },
        event,
        version + 1,
      ),

    async listOpen(userId, now) {
      const documents = await sessions
        .find({ userId: { $eq: userId }, endedAt: null, idleExpiresAt: { $gt: now }, expiresAt: { $gt: now } }, RECORD)
        .sort({ createdAt: 1, _id: 1 })
        .toArray();
      return documents.map(toRecord);
    },

    async listLatest(userId, limit) {
      const documents = await sessions
        .find({ userId: { $eq: userId } }, RECORD)
        .sort({ createdAt: -1, _id: -1 })
        .limit(limit)
        .toArray();
      return documents.map(toRecord);
    },

    async purge(before, { after, limit }) {
      const page = await sessions
        .find(after === null ? {} : { _id: { $gt: after } }, { projection: { endedAt: 1, idleExpiresAt: 1 } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      const ids = page
        .filter(({ endedAt, idleExpiresAt }) => (endedAt ?? idleExpiresAt) < before)
        .map(({ _id }) => _id);
      const last = page.length < limit ? null : (page.at(-1)?._id ?? null);
      // The condition spares a session that was rotated since it was read, and one whose event is still in the document.
      const over = { $or: [{ endedAt: { $lt: before } }, { idleExpiresAt: { $lt: before } }] };
      const gone = await sessions.deleteMany({ _id: { $in: ids }, 'outbox._id': { $exists: false }, ...over });
      return { removed: gone.deletedCount, last };
    },

    async removeForUser(userId) {
      const found = sessions.find({ userId: { $eq: userId } }, { projection: { _id: 1 } });
      for await (const { _id } of found) await outbox.remove(_id);
    },
  };
}

function toRecord({ _id: id, amr, methods, ...session }: SessionDocument): SessionRecord {
  return { id, ...NOTHING_ADDED, ...session, methods: methods ?? proofsOf(amr, session.authTime) };
}
