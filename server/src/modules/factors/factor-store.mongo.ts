import type { Filter, UpdateFilter } from 'mongodb';
import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import type { EventDraft } from '../events/event-store.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { FactorStore, FactorsAt, FactorsChange, FactorsRecord } from './factor-store.ts';

type FactorsDocument = Omit<FactorsRecord, 'userId'> & { _id: string };

const RECORD = { projection: { outbox: 0 } } as const;
const NO_FACTORS = { passkeys: [], totp: [], recovery: null, trusted: [], resetAt: null };

/** Factors on MongoDB: one document for each user. */
export function createMongoFactorStore(deps: { database: Database; outbox: MongoOutbox }): FactorStore {
  const factors = mongoOf(deps.database).db.collection<FactorsDocument>('factors');
  const outbox = deps.outbox.attach(factors);

  async function findBy(filter: Filter<FactorsDocument>): Promise<FactorsRecord | null> {
    const document = await factors.findOne(filter, RECORD);
    return document && toRecord(document);
  }

  /** Changes the version that was decided on, if it also matches `filter`. */
  async function change(
    { userId, version, credentialEpoch }: FactorsAt,
    filter: Filter<FactorsDocument>,
    { $set, ...update }: UpdateFilter<FactorsDocument>,
    event: EventDraft,
  ): Promise<FactorsChange> {
    const won = await outbox.update(
      { ...filter, _id: { $eq: userId }, version, credentialEpoch },
      { ...update, $set: { ...$set, version: version + 1 } } as UpdateFilter<FactorsDocument>,
      event,
      version + 1,
    );
    return won ? 'ok' : 'lost';
  }

  const isMatched = async (filter: Filter<FactorsDocument>, $set: object) =>
    (await factors.updateOne(filter, { $set })).matchedCount === 1;

  return {
    find: (userId) => findBy({ _id: { $eq: userId } }),
    findByHandle: (handle) => findBy({ handle: { $eq: handle } }),
    findByCredential: (credentialId) => findBy({ 'passkeys.credentialId': { $eq: credentialId } }),

    async begin({ userId, handle, credentialEpoch }) {
      try {
        await factors.insertOne({ _id: userId, handle, ...NO_FACTORS, credentialEpoch, version: 0 });
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    renew: (userId, from, to) =>
      isMatched({ _id: { $eq: userId }, credentialEpoch: from }, { ...NO_FACTORS, credentialEpoch: to }),

    async addPasskey(at, passkey, along, event) {
      const { credentialId } = passkey;
      try {
        // The index compares documents, not the passkeys of one.
        const free = { 'passkeys.credentialId': { $ne: credentialId } } as Filter<FactorsDocument>;
        const outcome = await change(at, free, { $set: along, $push: { passkeys: passkey } }, event);
        if (outcome === 'ok') return 'ok';
      } catch (error) {
        if (!uniqueViolation(error)?.includes('credentialId')) throw error;
        return 'taken';
      }
      const own = { _id: { $eq: at.userId }, version: at.version, 'passkeys.credentialId': { $eq: credentialId } };
      return (await findBy(own)) ? 'taken' : 'lost';
    },

    removePasskey: (at, id, along, event) =>
      change(at, { 'passkeys.id': { $eq: id } }, { $set: along, $pull: { passkeys: { id: { $eq: id } } } }, event),

    renamePasskey: (at, id, name, event) =>
      change(at, { 'passkeys.id': { $eq: id } }, { $set: { 'passkeys.$.name': name } }, event),

    enableTotp: (at, totp, along, event) => change(at, {}, { $set: along, $push: { totp } }, event),

    removeTotp: (at, id, along, event) =>
      change(at, { 'totp.id': { $eq: id } }, { $set: along, $pull: { totp: { id: { $eq: id } } } }, event),

    setRecovery: (at, recovery, event) => change(at, {}, { $set: { recovery } }, event),

    useRecoveryCode: (at, hash, event) =>
      change(at, { 'recovery.hashes': { $eq: hash } }, { $pull: { 'recovery.hashes': { $eq: hash } } }, event),

    setTrusted: (at, trusted, event) => change(at, {}, { $set: { trusted: [...trusted] } }, event),
    setReset: (at, resetAt, event) => change(at, {}, { $set: { resetAt } }, event),
    reset: (at, event) => change(at, {}, { $set: NO_FACTORS }, event),

    useTotp: (userId, id, step, now) =>
      isMatched(
        { _id: { $eq: userId }, totp: { $elemMatch: { id: { $eq: id }, lastStep: { $lt: step } } } },
        { 'totp.$.lastStep': step, 'totp.$.lastUsedAt': now },
      ),

    usePasskey: (userId, id, { from, to, backedUp, device, now }) =>
      isMatched(
        { _id: { $eq: userId }, passkeys: { $elemMatch: { id: { $eq: id }, counter: { $eq: from } } } },
        {
          'passkeys.$.counter': to,
          'passkeys.$.backedUp': backedUp,
          'passkeys.$.lastDevice': device,
          'passkeys.$.lastUsedAt': now,
        },
      ),

    resealTotp: (userId, id, from, to) =>
      isMatched(
        { _id: { $eq: userId }, totp: { $elemMatch: { id: { $eq: id }, sealedSecret: { $eq: from } } } },
        { 'totp.$.sealedSecret': to },
      ),

    async sealedByOthers(keyId, limit) {
      const sealedSecret = { $not: { $regex: `^${keyId}\\.` } };
      const documents = await factors
        .find({ totp: { $elemMatch: { sealedSecret } } }, { projection: { totp: 1 } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return documents
        .flatMap(({ _id: userId, totp }) => totp.map(({ id, sealedSecret }) => ({ userId, id, sealedSecret })))
        .filter(({ sealedSecret }) => !sealedSecret.startsWith(`${keyId}.`))
        .slice(0, limit);
    },

    async dueResets(now, limit) {
      const due = factors
        .find({ resetAt: { $type: 'date', $lte: now } }, RECORD)
        .sort({ resetAt: 1 })
        .limit(limit);
      return (await due.toArray()).map(toRecord);
    },

    removeForUser: (userId) => outbox.remove(userId),
  };
}

function toRecord({ _id: userId, ...record }: FactorsDocument): FactorsRecord {
  return { userId, ...record };
}
