import type { Collection, Filter, OptionalUnlessRequiredId, UpdateFilter } from 'mongodb';
import {
  type Database,
  insertedIndexes,
  isUnavailable,
  mongoOf,
  uniqueViolation,
} from '../../platform/database/database.ts';
import { asJson } from '../../platform/database/values.ts';
import type { EventDraft, EventRecord } from './event-store.ts';

/** An event in its final form. */
export interface EventDocument extends Omit<EventRecord, 'id'> {
  _id: string;
  /** Null: delivered, or without a handler. */
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

/** An event that is still in the document that it is about. */
interface Ride extends Omit<EventDraft, 'id'> {
  _id: string;
  seq: number;
}

interface Carrier {
  _id: string;
  /** The oldest first. */
  outbox: Ride[];
}

/** Writes of one collection together with events. Readers omit the field `outbox`, which is not part of the record. */
export interface CollectionOutbox<Doc extends { _id: string }> {
  /** Throws the driver's error if a unique value is taken. */
  insert(document: Doc, event: EventDraft, seq: number): Promise<void>;
  /** Inserts those of many whose unique values are free, and returns their ids. */
  insertMany(documents: readonly { document: Doc; event: EventDraft; seq: number }[]): Promise<string[]>;
  /** Writes `set` to the one document that matches `filter`; false if there is none. `seq` is its new version. */
  change(filter: Filter<Doc>, set: Partial<Doc>, event: EventDraft, seq: number): Promise<boolean>;
  /** The same for changes of lists, `$push` and `$pull`, of which `outbox` is none. */
  update(filter: Filter<Doc>, update: UpdateFilter<Doc>, event: EventDraft, seq: number): Promise<boolean>;
  /** Removes a document, if there is one, after its events have been moved. */
  remove(id: string): Promise<void>;
}

/** The only way for a store to write on MongoDB. */
export interface MongoOutbox {
  /** Adds this collection to the sweep; its migration creates the index on `outbox._id`. */
  attach<Doc extends { _id: string }>(collection: Collection<Doc>): CollectionOutbox<Doc>;
  /** Writes an event without a document; false if its target already has one with this `seq`. */
  record(event: EventDraft, seq: number): Promise<boolean>;
  /** Moves the events that are still in their documents; returns the number. Any number of processes may do so concurrently. */
  sweep(): Promise<number>;
}

/** Positions per millisecond; multiplied by 2^10, the clock stays exact in a number until the year 2248. */
const ORDERS = 1024;

/** Reads majority data, so that no event is recorded whose change a failover could still undo. */
const COMMITTED = { level: 'majority' } as const;
/** The sweep repeats a lost pull, and then finds everything recorded: the pull need not wait for the disk. */
const REPEATABLE = { w: 1, journal: false } as const;

/**
 * Without transactions, the change and its event are one write of one document: the event is in its `outbox`, and is then
 * recorded, put on the eviction feed and pulled from the document, each step idempotent. A process that dies in between, or a
 * database that fails, leaves the rest to the sweep. Whoever drains a document drains all of it in order, so a target's
 * events are recorded in the order of `seq`.
 *
 * `onCommit` is called after the change, whether or not its event has been moved, and before the verb returns.
 */
export function createMongoOutbox(deps: { database: Database; onCommit: (event: EventDraft) => void }): MongoOutbox {
  const { db } = mongoOf(deps.database);
  const events = db.collection<EventDocument>('events');
  const evictions = db.collection<EvictionDocument>('evictions');
  const attached: Collection<Carrier>[] = [];
  let order = 0;

  const write = ({ _id, pending, evicts: _, ...event }: Ride) =>
    events.insertOne({ _id, ...event, dueAt: pending ? event.at : null, attempts: 0, handled: [] });

  /** False if it was already recorded. */
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
   * Positions come from the server's clock at the moment of the insertion, so that a paused process assigns none from the
   * past. Within a millisecond this process counts; if two processes collide, the unique index makes one take the next. No two evictions
   * share a position, so a reader that pages by it loses none; a late row (or one after a failover to a clock that is
   * behind) is in the last seconds of the feed, which readers read again.
   */
  async function evict({ _id, target }: Ride): Promise<void> {
    for (;;) {
      order = (order + 1) % ORDERS;
      const next = { $add: [{ $multiply: [{ $toLong: '$$NOW' }, ORDERS] }, order] };
      // A second drain must not put it on the feed again.
      const set = { position: { $ifNull: ['$position', next] }, target: { $literal: target } };
      try {
        await evictions.updateOne({ _id }, [{ $set: set }], { upsert: true });
        return;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
      }
    }
  }

  /** The number of events that this call recorded. */
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

  /** Inserts documents whose unique values are free; returns them. */
  async function insertFree<Doc extends { _id: string }>(
    target: Collection<Doc>,
    documents: readonly Doc[],
  ): Promise<readonly Doc[]> {
    if (documents.length === 0) return [];
    try {
      await target.insertMany(documents as OptionalUnlessRequiredId<Doc>[], { ordered: false });
      return documents;
    } catch (error) {
      const inserted = insertedIndexes(error);
      if (inserted === null) throw error;
      return documents.filter((_, index) => inserted.has(index));
    }
  }

  /** Drains carriers that were just inserted, with one write for each kind. */
  async function drainMany(carriers: Collection<Carrier>, inserted: readonly Carrier[]): Promise<void> {
    if (inserted.length === 0) return;
    const rides = inserted.flatMap(({ outbox }) => outbox);
    const recorded = rides.map(({ _id, pending, evicts: _, ...event }) => {
      return { _id, ...event, dueAt: pending ? event.at : null, attempts: 0, handled: [] };
    });
    await insertFree(events, recorded);
    for (const ride of rides) if (ride.evicts) await evict(ride);
    const home = { _id: { $in: inserted.map(({ _id }) => _id) } };
    const pulled = { outbox: { _id: { $in: rides.map(({ _id }) => _id) } } };
    await carriers.updateMany(home, { $pull: pulled }, { writeConcern: REPEATABLE });
  }

  async function committed(carriers: Collection<Carrier>, carrier: Carrier, event: EventDraft): Promise<void> {
    try {
      await drain(carriers, carrier);
    } catch {
      // The change and its event are stored: reporting a failure now would be wrong. The sweep repeats the drain, and reports.
    }
    deps.onCommit(event);
  }

  return {
    attach<Doc extends { _id: string }>(collection: Collection<Doc>): CollectionOutbox<Doc> {
      const carriers = collection as unknown as Collection<Carrier>;
      attached.push(carriers);

      async function update(
        filter: Filter<Doc>,
        { $push, ...rest }: UpdateFilter<Doc>,
        event: EventDraft,
        seq: number,
      ) {
        const carrier = await carriers.findOneAndUpdate(
          filter as Filter<Carrier>,
          { ...rest, $push: { ...$push, outbox: rideOf(event, seq) } } as UpdateFilter<Carrier>,
          // Events that an earlier process left are drained too, and first.
          { projection: { outbox: 1 }, returnDocument: 'after' },
        );
        if (!carrier) return false;
        await committed(carriers, carrier, event);
        return true;
      }

      return {
        async insert(document, event, seq) {
          const carrier = { ...document, outbox: [rideOf(event, seq)] };
          await carriers.insertOne(carrier);
          await committed(carriers, carrier, event);
        },

        async insertMany(documents) {
          const rides = documents.map(({ document, event, seq }) => ({ ...document, outbox: [rideOf(event, seq)] }));
          const inserted = await insertFree(carriers, rides);
          try {
            await drainMany(carriers, inserted);
          } catch {
            // As in `committed`: they are stored, and the sweep repeats the drain.
          }
          // By the event: a document whose id is taken is not the one that has it.
          const moved = new Set(inserted.flatMap(({ outbox }) => outbox.map((ride) => ride._id)));
          for (const { event } of documents) if (moved.has(event.id)) deps.onCommit(event);
          return inserted.map(({ _id }) => _id);
        },

        update,
        change: (filter, set, event, seq) => update(filter, { $set: set } as UpdateFilter<Doc>, event, seq),

        async remove(id) {
          for (;;) {
            const carrier = await carriers.findOne(
              { _id: { $eq: id } },
              { projection: { outbox: 1 }, readConcern: COMMITTED },
            );
            if (!carrier) return;
            await drain(carriers, carrier);
            // A newly arrived event keeps the document for another round.
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
            // A document that cannot be drained must not delay the others.
            failures.push(error);
          }
        }
      }
      if (failures.length > 0)
        throw new AggregateError(failures, 'Some events could not be moved out of their documents.');
      return recorded;
    },
  };
}

function rideOf({ id, device, data, ...event }: EventDraft, seq: number): Ride {
  return { _id: id, ...event, seq, device: asJson(device), data: asJson(data) };
}
