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
    create: ({ id, purpose, email, emailNorm, keyId, expiresAt, createdAt }, event) =>
      outbox.insert({ _id: id, purpose, email, emailNorm, keyId, expiresAt, createdAt }, event, 1),

    async find(id) {
      const document = await challenges.findOne({ _id: { $eq: id } }, { projection: { outbox: 0 } });
      return document ? toRecord(document) : null;
    },

    async listValid(emailNorm, now, limit) {
      const valid = { emailNorm: { $eq: emailNorm }, expiresAt: { $gt: now } };
      const found = challenges.find(valid, { projection: { outbox: 0 } });
      return (await found.sort({ createdAt: -1, _id: -1 }).limit(limit).toArray()).map(toRecord);
    },

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
  return { id, ...challenge };
}
