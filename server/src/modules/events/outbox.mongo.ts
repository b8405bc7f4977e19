import type { Collection, Filter, UpdateFilter } from 'mongodb';
import { type Database, isUnavailable, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import { asJson } from '../../platform/database/values.ts';
import type { EventDraft, EventRecord } from './event-store.ts';

/** An event as it is kept for good. */
export interface EventDocument extends Omit<EventRecord, 'id'> {
  _id: string;
  /** Null: delivered, or nobody wants to hear of it. */
  dueAt: Date | null;
  attempts: number;
  handled: string[];
}

export interface EvictionDocument {
  /** The event's id. */
  _id: string;
  position: number;
  target: string;
}

/** An event that still rides in the document that it tells of. */
interface Ride extends Omit<EventDraft, 'id'> {
  _id: string;
  seq: number;
}

interface Carrier {
  _id: string;
  /** The oldest first. */
  outbox: Ride[];
}

/** The writes of one collection that carry events. Readers leave the field `outbox` out: it is no part of the record. */
export interface CollectionOutbox<Doc extends { _id: string }> {
  /** Throws the driver's error where a unique value is taken. */
  insert(document: Doc, event: EventDraft, seq: number): Promise<void>;
  /** Writes `set` onto the one document that meets `filter`; false where none does. `seq` is the version that it then has. */
  change(filter: Filter<Doc>, set: Partial<Doc>, event: EventDraft, seq: number): Promise<boolean>;
  /** Removes a document once its events are home; nothing happens where there is none. */
  remove(id: string): Promise<void>;
}

/** The one way in which a store writes on MongoDB. */
export interface MongoOutbox {
  /** From now on the sweep looks through this collection; its migration makes the index on `outbox._id`. */
  attach<Doc extends { _id: string }>(collection: Collection<Doc>): CollectionOutbox<Doc>;
  /** Writes an event that rides in no document; false where its target has one of this `seq`. */
  record(event: EventDraft, seq: number): Promise<boolean>;
  /** Brings home the events that still ride in their documents; answers how many. Any number of processes may do so at once. */
  sweep(): Promise<number>;
}

/** Positions that one millisecond has room for; times 2^10, the clock stays exact in a number until the year 2248. */
const ORDERS = 1024;

/** What the majority has, so that no event is recorded whose change a failover could still undo. */
const COMMITTED = { level: 'majority' } as const;
/** A pull that is lost is done again by the sweep, and then finds everything at home: it need not wait for the disk. */
const REPEATABLE = { w: 1, journal: false } as const;

/**
 * Without transactions, the change and its event are one write of one document: the event rides in its `outbox`, and is then
 * recorded, put on the eviction feed and pulled out again, each step idempotent. A process that dies in between, or a
 * database that fails, leaves the rest to the sweep. Whoever drains a document drains all of it in order, so a target's
 * events are recorded in the order of `seq`.
 *
 * `onCommit` is called after the change, whether or not its event came home, and before the verb returns.
 */
export function createMongoOutbox(deps: { database: Database; onCommit: (event: EventDraft) => void }): MongoOutbox {
  const { db } = mongoOf(deps.database);
  const events = db.collection<EventDocument>('events');
  const evictions = db.collection<EvictionDocument>('evictions');
  const attached: Collection<Carrier>[] = [];
  let order = 0;

  const write = ({ _id, pending, evicts: _, ...event }: Ride) =>
    events.insertOne({ _id, ...event, dueAt: pending ? event.at : null, attempts: 0, handled: [] });

  /** False where it had been recorded before. */
  async function record(ride: Ride): Promise<boolean> {
    try {
      await write(ride);
      return true;
    } catch (error) {
      if (uniqueViolation(error) !== '_id') throw error;
      return false;
    }
  }

  /**
   * Positions come from the server's clock at the moment of the insertion, so that a process that pauses hands out none from the
   * past. Within a millisecond this process counts; where two processes meet, the unique index sends one on. No two evictions
   * share a position, so a reader that pages by it loses none; what appears late (or after a failover to a clock that is
   * behind) is found in the last seconds of the feed, which readers read again.
   */
  async function evict({ _id, target }: Ride): Promise<void> {
    for (;;) {
      order = (order + 1) % ORDERS;
      const next = { $add: [{ $multiply: [{ $toLong: '$$NOW' }, ORDERS] }, order] };
      // A drain that comes second must not put it on the feed again.
      const set = { position: { $ifNull: ['$position', next] }, target: { $literal: target } };
      try {
        await evictions.updateOne({ _id }, [{ $set: set }], { upsert: true });
        return;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
      }
    }
  }

  /** How many events this call recorded. */
  async function drain(carriers: Collection<Carrier>, { _id, outbox }: Carrier): Promise<number> {
    let recorded = 0;
    for (const ride of outbox) {
      if (await record(ride)) recorded++;
      if (ride.evicts) await evict(ride);
    }
    const home = outbox.map((ride) => ride._id);
    if (home.length > 0) {
      await carriers.updateOne({ _id }, { $pull: { outbox: { _id: { $in: home } } } }, { writeConcern: REPEATABLE });
    }
    return recorded;
  }

  async function committed(carriers: Collection<Carrier>, carrier: Carrier, event: EventDraft): Promise<void> {
    try {
      await drain(carriers, carrier);
    } catch {
      // The change is there and its event with it: to report a failure now would be untrue. The sweep repeats the drain, and reports.
    }
    deps.onCommit(event);
  }

  return {
    attach<Doc extends { _id: string }>(collection: Collection<Doc>): CollectionOutbox<Doc> {
      const carriers = collection as unknown as Collection<Carrier>;
      attached.push(carriers);
      return {
        async insert(document, event, seq) {
          const carrier = { ...document, outbox: [rideOf(event, seq)] };
          await carriers.insertOne(carrier);
          await committed(carriers, carrier, event);
        },

        async change(filter, set, event, seq) {
          const carrier = await carriers.findOneAndUpdate(
            filter as Filter<Carrier>,
            { $set: set, $push: { outbox: rideOf(event, seq) } } as UpdateFilter<Carrier>,
            // What an earlier process left undrained comes along, and goes first.
            { projection: { outbox: 1 }, returnDocument: 'after' },
          );
          if (!carrier) return false;
          await committed(carriers, carrier, event);
          return true;
        },

        async remove(id) {
          for (;;) {
            const carrier = await carriers.findOne(
              { _id: { $eq: id } },
              { projection: { outbox: 1 }, readConcern: COMMITTED },
            );
            if (!carrier) return;
            await drain(carriers, carrier);
            // An event that arrived meanwhile keeps the document for another round.
            const result = await carriers.deleteOne({ _id: { $eq: id }, 'outbox._id': { $exists: false } });
            if (result.deletedCount === 1) return;
          }
        },
      };
    },

    async record(event, seq) {
      const ride = rideOf(event, seq);
      try {
        await write(ride);
        if (ride.evicts) await evict(ride);
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
      deps.onCommit(event);
      return true;
    },

    async sweep() {
      let recorded = 0;
      const failures: unknown[] = [];
      for (const carriers of attached) {
        const waiting = carriers.find(
          { 'outbox._id': { $exists: true } },
          { projection: { outbox: 1 }, readConcern: COMMITTED },
        );
        for await (const carrier of waiting) {
          try {
            recorded += await drain(carriers, carrier);
          } catch (error) {
            if (isUnavailable(error)) throw error;
            // One document that cannot be drained must not keep the others waiting.
            failures.push(error);
          }
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, 'Some events could not be brought home.');
      return recorded;
    },
  };
}

function rideOf({ id, device, data, ...event }: EventDraft, seq: number): Ride {
  return { _id: id, ...event, seq, device: asJson(device), data: asJson(data) };
}
