import { type Database, mongoOf } from '../../platform/database/database.ts';
import type { Stored } from '../../platform/database/stored.ts';
import { leastId } from '../../platform/ids.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { RegistrationRecord, RegistrationStore } from './registration-store.ts';

type Always =
  | ('email' | 'emailNorm' | 'username' | 'fullName' | 'phone' | 'locale' | 'passwordHash')
  | ('codeId' | 'keyId' | 'codeExpiresAt' | 'tries' | 'sentAt' | 'createdAt' | 'version');
type RegistrationDocument = Stored<Omit<RegistrationRecord, 'id'>, Always> & { _id: string };

/** Registrations on MongoDB. */
export function createMongoRegistrationStore(deps: { database: Database; outbox: MongoOutbox }): RegistrationStore {
  const registrations = mongoOf(deps.database).db.collection<RegistrationDocument>('registrations');
  const outbox = deps.outbox.attach(registrations);

  return {
    create: ({ id, ...registration }, event) =>
      outbox.insert({ _id: id, ...registration }, event, registration.version),

    async find(id) {
      const document = await registrations.findOne({ _id: { $eq: id } }, { projection: { outbox: 0 } });
      return document ? toRecord(document) : null;
    },

    async countTry(id, codeId, limit, now) {
      const result = await registrations.updateOne(
        { _id: { $eq: id }, codeId: { $eq: codeId }, tries: { $lt: limit }, codeExpiresAt: { $gt: now } },
        { $inc: { tries: 1 } },
      );
      return result.matchedCount === 1;
    },

    async giveBackTry(id, codeId) {
      await registrations.updateOne(
        { _id: { $eq: id }, codeId: { $eq: codeId }, tries: { $gt: 0 } },
        { $inc: { tries: -1 } },
      );
    },

    async resend({ id, version }, { codeId, codeOwner, keyId, codeExpiresAt, tries, sentAt }, event) {
      const next = { codeId, codeOwner, keyId, codeExpiresAt, sentAt, version: version + 1 };
      // The same code keeps the tries that are counted while this runs. A new code comes only with a new version, so at most one of these
      // two writes can match the version that was read.
      const same = { _id: { $eq: id }, version, codeId: { $eq: codeId } };
      if (await outbox.change(same, next, event, next.version)) return true;
      const other = { _id: { $eq: id }, version, codeId: { $ne: codeId } };
      return outbox.change(other, { ...next, tries }, event, next.version);
    },

    async listMailed(emailNorm, now, limit) {
      const mailed = { emailNorm: { $eq: emailNorm }, codeExpiresAt: { $gt: now }, sentAt: { $ne: [] } };
      const found = registrations.find(mailed, { projection: { outbox: 0 } });
      return (await found.sort({ createdAt: -1, _id: -1 }).limit(limit).toArray()).map(toRecord);
    },

    remove: (id) => outbox.remove(id),

    async purge(before, limit) {
      // A registration whose event has not been moved yet waits for the next purge.
      const expired = { codeExpiresAt: { $lt: before }, 'outbox._id': { $exists: false } };
      const found = registrations.find({ _id: { $lt: leastId(before) }, ...expired }, { projection: { _id: 1 } });
      const ids = (await found.sort({ _id: 1 }).limit(limit).toArray()).map(({ _id }) => _id);
      return (await registrations.deleteMany({ _id: { $in: ids }, ...expired })).deletedCount;
    },

    async removeForEmail(emailNorm) {
      const found = registrations.find({ emailNorm: { $eq: emailNorm } }, { projection: { _id: 1 } });
      for await (const { _id } of found) await outbox.remove(_id);
    },
  };
}

function toRecord({ _id: id, codeOwner = null, ...registration }: RegistrationDocument): RegistrationRecord {
  return { id, ...registration, codeOwner };
}
