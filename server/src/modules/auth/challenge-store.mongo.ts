import { type Database, mongoOf } from '../../platform/database/database.ts';
import type { Stored } from '../../platform/database/stored.ts';
import { leastId } from '../../platform/ids.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { ChallengeRecord, ChallengeStore } from './challenge-store.ts';

type Always = 'purpose' | 'email' | 'emailNorm' | 'keyId' | 'expiresAt' | 'createdAt';
type ChallengeDocument = Omit<ChallengeRecord, 'id'> & { _id: string };

/** Challenges on MongoDB. */
export function createMongoChallengeStore(deps: { database: Database; outbox: MongoOutbox }): ChallengeStore {
  const challenges = mongoOf(deps.database).db.collection<ChallengeDocument>('challenges');
  const outbox = deps.outbox.attach(challenges);

  return {
    create: ({ id, ...challenge }, event) => outbox.insert({ _id: id, ...challenge }, event, challenge.version),

    async find(id) {
      const document = await challenges.findOne({ _id: { $eq: id } }, { projection: { outbox: 0 } });
      return document ? toRecord(document) : null;
    },

    async listValid(emailNorm, purpose, now, limit) {
      const valid = { emailNorm: { $eq: emailNorm }, purpose, expiresAt: { $gt: now } };
      const found = challenges.find(valid, { projection: { outbox: 0 } });
      return (await found.sort({ createdAt: -1, _id: -1 }).limit(limit).toArray()).map(toRecord);
    },

    async countTry(id, limit, now) {
      // `$not`, because documents of the previous version have no such field.
      const left = { _id: { $eq: id }, tries: { $not: { $gte: limit } }, expiresAt: { $gt: now } };
      return (await challenges.updateOne(left, { $inc: { tries: 1 } })).matchedCount === 1;
    },

    async giveBackTry(id) {
      await challenges.updateOne({ _id: { $eq: id }, tries: { $gt: 0 } }, { $inc: { tries: -1 } });
    },

    mailAgain: ({ id, version }, event) =>
      outbox.change({ _id: { $eq: id }, version }, { version: version + 1 }, event, version + 1),

    remove: (id) => outbox.remove(id),

    async purge(before, limit) {
      // A challenge whose event has not been moved yet waits for the next purge.
      const old = { _id: { $lt: leastId(before) }, 'outbox._id': { $exists: false } };
      const found = await challenges
        .find(old, { projection: { _id: 1 } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return (await challenges.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } })).deletedCount;
    },

    async removeForEmail(emailNorm) {
      const found = challenges.find({ emailNorm: { $eq: emailNorm } }, { projection: { _id: 1 } });
      for await (const { _id } of found) await outbox.remove(_id);
    },
  };
}

function toRecord({
  _id: id,
  ...challenge
}: Stored<Omit<ChallengeRecord, 'id'>, Always> & { _id: string }): ChallengeRecord {
  // Documents of the previous version, which may still be running, have none of these.
  return { tries: 0, locale: null, returnTo: null, version: 1, id, ...challenge };
}
