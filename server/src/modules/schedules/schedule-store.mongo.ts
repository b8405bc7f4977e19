import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import { asJson } from '../../platform/database/values.ts';
import type { MongoOutbox } from '../events/outbox.mongo.ts';
import type { ScheduleChange, SchedulePatch, ScheduleRecord, ScheduleStore } from './schedule-store.ts';

/** A document without a name is a tombstone until its last event has been moved; the unique index ignores it. */
type ScheduleDocument = Omit<ScheduleRecord, 'id' | 'name' | 'revision'> & {
  _id: string;
  name: string | null;
  /** Missing in documents of the previous version. */
  revision?: number;
};

const LIVING = { name: { $gte: '' } } as const;
const RECORD = { projection: { outbox: 0 } } as const;

/** Schedules on MongoDB. */
export function createMongoScheduleStore(deps: { database: Database; outbox: MongoOutbox }): ScheduleStore {
  const schedules = mongoOf(deps.database).db.collection<ScheduleDocument>('schedules');
  const outbox = deps.outbox.attach(schedules);

  return {
    async insert({ id, ...schedule }, event) {
      try {
        await outbox.insert({ _id: id, ...schedule, args: asJson(schedule.args) }, event, schedule.version);
        return 'ok';
      } catch (error) {
        return takenName(error);
      }
    },

    async find(id) {
      const document = await schedules.findOne({ _id: { $eq: id }, ...LIVING }, RECORD);
      return document && toRecord(document);
    },

    async list() {
      return (await schedules.find(LIVING, RECORD).sort({ name: 1 }).toArray()).map(toRecord);
    },

    async patch({ id, version, now }, patch, event) {
      const next = { ...said(patch), updatedAt: now, version: version + 1 };
      try {
        const won = await outbox.change({ _id: { $eq: id }, version, ...LIVING }, next, event, next.version);
        return won ? 'ok' : 'lost';
      } catch (error) {
        return takenName(error);
      }
    },

    async remove({ id, version, now }, event) {
      const next = { name: null, nextRunAt: null, updatedAt: now, version: version + 1 };
      if (!(await outbox.change({ _id: { $eq: id }, version, ...LIVING }, next, event, next.version))) return 'lost';
      // Readers ignore it already: a tombstone that a crash leaves behind does no harm.
      await outbox.remove(id).catch(() => {});
      return 'ok';
    },

    async due(now, future, jobs) {
      const found = schedules.find(
        {
          nextRunAt: { $type: 'date' },
          job: { $in: [...jobs] },
          $or: [{ nextRunAt: { $lte: now } }, { updatedAt: { $gt: future } }],
          ...LIVING,
        },
        RECORD,
      );
      return (await found.sort({ nextRunAt: 1, _id: 1 }).toArray()).map(toRecord);
    },

    async nextDueAt(jobs) {
      const [first] = await schedules
        .find({ nextRunAt: { $type: 'date' }, job: { $in: [...jobs] } }, { projection: { nextRunAt: 1 } })
        .sort({ nextRunAt: 1 })
        .limit(1)
        .toArray();
      return first?.nextRunAt ?? null;
    },
  };
}

function takenName(error: unknown): ScheduleChange {
  if (uniqueViolation(error)?.includes('name')) return 'name_taken';
  throw error;
}

/** Leaves out undefined fields, which the driver would write as null. */
function said(patch: SchedulePatch): SchedulePatch {
  const { args, ...others } = patch;
  const fields = Object.entries(others).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(fields), ...(args !== undefined && { args: asJson(args) }) };
}

function toRecord({ _id: id, name, revision = 1, ...schedule }: ScheduleDocument): ScheduleRecord {
  return { id, name: name ?? '', revision, ...schedule };
}
