import type { Filter, UpdateFilter } from 'mongodb';
import { type Database, mongoOf } from '../../platform/database/database.ts';
import { leastId } from '../../platform/ids.ts';
import { NOWHERE } from './anonymised.ts';
import { typeRange } from './event-bounds.ts';
import type { EventFilter, EventRecord, EventStore, PendingEvent } from './event-store.ts';
import type { EventDocument, EvictionDocument, MongoOutbox } from './outbox.mongo.ts';

/** Named in addition to the comparison; otherwise the partial indexes on pending events would not be used. */
const PENDING = { $type: 'date' } as const;

/** The kept fields of an erased user's events. */
const ONLY_REASON = {
  $cond: [{ $eq: [{ $type: '$data.reason' }, 'missing'] }, { $literal: {} }, { reason: '$data.reason' }],
};

/** Events on MongoDB. The outbox writes them. */
export function createMongoEventStore(deps: { database: Database; outbox: MongoOutbox }): EventStore {
  const { db } = mongoOf(deps.database);
  const events = db.collection<EventDocument>('events');
  const evictions = db.collection<EvictionDocument>('evictions');

  async function moveDueAt(id: string, from: Date, change: Partial<EventDocument>): Promise<boolean> {
    const result = await events.updateOne({ _id: { $eq: id }, dueAt: { $eq: from } }, { $set: change });
    return result.matchedCount === 1;
  }

  return {
    async due(now, limit, types) {
      const documents = await events
        .aggregate<EventDocument>([
          { $match: { dueAt: { ...PENDING, $lte: now }, ...(types !== undefined && { type: { $in: [...types] } }) } },
          { $sort: { dueAt: 1 } },
          {
            $lookup: {
              from: 'events',
              localField: 'target',
              foreignField: 'target',
              let: { seq: '$seq' },
              pipeline: [
                { $match: { dueAt: PENDING, $expr: { $lt: ['$seq', '$$seq'] } } },
                { $limit: 1 },
                { $project: { _id: 1 } },
              ],
              as: 'earlier',
            },
          },
          { $match: { earlier: [] } },
          { $limit: limit },
          { $unset: 'earlier' },
        ])
        .toArray();
      return documents.map(toPending);
    },

    claim: (id, seen, until) => moveDueAt(id, seen, { dueAt: until }),
    settle: (id, claimedUntil) => moveDueAt(id, claimedUntil, { dueAt: null }),
    postpone: (id, claimedUntil, { dueAt, attempts, handled }) =>
      moveDueAt(id, claimedUntil, { dueAt, attempts, handled }),

    async list(filter, { before, skip = 0, limit }) {
      const documents = await events
        .find({ $and: [meets(filter), before === null ? {} : { _id: { $lt: before } }] })
        .sort({ _id: -1 })
        .skip(skip)
        .limit(limit)
        .toArray();
      return documents.map(toRecord);
    },

    count: (filter, limit) => events.countDocuments(meets(filter), { limit }),

    async find(id) {
      const document = await events.findOne({ _id: { $eq: id } });
      return document && toRecord(document);
    },

    async listAfter(after, limit) {
      const fields = { type: 1, target: 1, seq: 1, userId: 1, at: 1 };
      const found = events.find({ _id: { $gt: after } }, { projection: fields });
      const documents = await found.sort({ _id: 1 }).limit(limit).toArray();
      return documents.map(({ _id: id, type: kind, target, seq: version, userId, at }) => {
        return { id, kind, target, version, userId, at };
      });
    },

    record: (event, seq) => deps.outbox.record(event, seq),

    async purge({ before, type }, limit) {
      const found = events.find({ $and: [meets({ type, to: before }), { dueAt: null }] }, { projection: { _id: 1 } });
      const ids = (await found.sort({ _id: 1 }).limit(limit).toArray()).map(({ _id }) => _id);
      return (await events.deleteMany({ _id: { $in: ids } })).deletedCount;
    },

    async listForTarget(target) {
      const documents = await events
        .find({ target: { $eq: target } })
        .sort({ seq: 1 })
        .toArray();
      return documents.map(toRecord);
    },

    async anonymise(userId) {
      // A user has the id of its registration.
      const own = [{ userId: { $eq: userId } }, { target: { $eq: `registration:${userId}` } }];
      await events.updateMany({ $or: own }, [{ $set: { data: ONLY_REASON } }]);
      // The address of another actor is not theirs; of their actions on others, only the address is.
      await events.updateMany({ $or: own, actorId: null }, { $set: NOWHERE });
      const nowhere = {
        $set: NOWHERE,
        $unset: { 'data.country': true },
      } as UpdateFilter<EventDocument>;
      await events.updateMany({ actorId: { $eq: userId } }, nowhere);
    },

    async evictionsAfter(position, limit) {
      const documents = await evictions
        .find({ position: { $gt: position } })
        .sort({ position: 1 })
        .limit(limit)
        .toArray();
      return documents.map(({ position, target }) => ({ position, target }));
    },

    async forgetEvictions(position) {
      await evictions.deleteMany({ position: { $lte: position } });
    },

    sweep: () => deps.outbox.sweep(),
  };
}

function meets({ type, from, to, ...fields }: EventFilter): Filter<EventDocument> {
  const range = type === undefined ? null : typeRange(type);
  const named = Object.entries(fields).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(named.map(([field, value]) => [field, { $eq: value }])),
    ...(type !== undefined && { type: range ? { $gte: range.from, $lt: range.before } : { $eq: type } }),
    ...((from || to) && { _id: { ...(from && { $gte: leastId(from) }), ...(to && { $lt: leastId(to) }) } }),
  };
}

function toRecord({ _id: id, dueAt: _, attempts: __, handled: ___, ...event }: EventDocument): EventRecord {
  return { id, ...event };
}

function toPending(document: EventDocument): PendingEvent {
  const { dueAt, attempts, handled } = document;
  return { ...toRecord(document), dueAt: dueAt ?? document.at, attempts, handled };
}
