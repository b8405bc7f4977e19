import type { Filter } from 'mongodb';
import { type Database, mongoOf, uniqueViolation } from '../../platform/database/database.ts';
import { asJson } from '../../platform/database/values.ts';
import { JOB_STATES, type JobFilter, type JobRecord, type JobState, type NewJob } from '../../platform/queue/queue.ts';
import type { JobStore, Settlement } from './job-store.ts';

interface JobDocument extends Omit<JobRecord, 'id' | 'runAt' | 'state'> {
  _id: string;
  /** `handed`: the job is in Redis, and kept here until it ends. */
  state: JobState | 'handed';
  /** Name and unique key until the job ends; a unique index admits one job for each. */
  uniqueSlot: string | null;
  /** Number of expired claims: of processes that died or hung while running the job. */
  deaths: number;
  claim: string | null;
  cancelRequested: boolean;
  /** Since when it waits, when it may run, when its claim expires, or when to check on it in Redis; null when it has ended. */
  dueAt: Date | null;
}

/** Jobs on MongoDB. */
export function createMongoJobStore(deps: { database: Database }): JobStore {
  const { db } = mongoOf(deps.database);
  const jobs = db.collection<JobDocument>('jobs');
  const paused = db.collection<{ _id: string }>('paused_queues');

  const isPaused = async (name: string) => (await paused.findOne({ _id: { $eq: name } })) !== null;

  return {
    async insert(job) {
      try {
        await jobs.insertOne(newDocument(job));
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    async find(id) {
      const document = await jobs.findOne({ _id: { $eq: id } });
      return document && toRecord(document);
    },

    async findUnique(name, uniqueKey) {
      const document = await jobs.findOne({ uniqueSlot: { $eq: slotOf(name, uniqueKey) } });
      return document && toRecord(document);
    },

    async list(filter, { skip, limit }) {
      const found = jobs.find(meets(filter)).sort({ createdAt: -1, _id: -1 }).skip(skip).limit(limit);
      return (await found.toArray()).map(toRecord);
    },

    count: (filter, limit) => jobs.countDocuments(meets(filter), { limit }),

    async claim(name, limit, { claim, now, until }) {
      if (await isPaused(name)) return [];
      const waiting = await jobs
        .find({ name: { $eq: name }, state: 'waiting' })
        .sort({ priority: 1, dueAt: 1, _id: 1 })
        .limit(limit)
        .project<{ _id: string }>({ _id: 1 })
        .toArray();
      if (waiting.length === 0) return [];
      const taken = { state: 'active', claim, dueAt: until, startedAt: now, finishedAt: null } as const;
      const ids = waiting.map(({ _id }) => _id);
      await jobs.updateMany({ _id: { $in: ids }, state: 'waiting' }, { $set: taken });
      // Other workers may have claimed or changed some of them since they were read.
      const won = await jobs.find({ _id: { $in: ids }, claim: { $eq: claim } }).toArray();
      const order = new Map(ids.map((id, place) => [id, place]));
      return won.map(toRecord).sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
    },

    async renew(claims, until) {
      const claimOf = new Map(claims.map(({ id, claim }) => [id, claim]));
      const ids = [...claimOf.keys()];
      const held = { _id: { $in: ids }, claim: { $in: [...new Set(claimOf.values())] }, state: 'active' as const };
      await jobs.updateMany(held, { $set: { dueAt: until } });
      const found = await jobs.find({ _id: { $in: ids } }, { projection: { claim: 1, cancelRequested: 1 } }).toArray();
      const ours = found.filter(({ _id, claim }) => claim === claimOf.get(_id));
      const isHeld = new Set(ours.map(({ _id }) => _id));
      return {
        lost: ids.filter((id) => !isHeld.has(id)),
        cancelled: ours.filter(({ cancelRequested }) => cancelRequested).map(({ _id }) => _id),
      };
    },

    async settle(settlements, now) {
      const outcomes = await Promise.all(
        settlements.map(async (settlement) => {
          const { id } = settlement;
          const held = { _id: { $eq: id }, claim: { $eq: settlement.claim } };
          const goesOn = settlement.state === 'waiting' || settlement.state === 'delayed';
          const usual = goesOn ? { ...held, cancelRequested: false } : held;
          if ((await jobs.updateOne(usual, { $set: settled(settlement, now) })).matchedCount === 1) return [];
          // It was cancelled while it ran, so it does not continue.
          const instead = settled({ ...settlement, state: 'cancelled', runAt: null }, now);
          if (goesOn && (await jobs.updateOne(held, { $set: instead })).matchedCount === 1) return [];
          return [id];
        }),
      );
      return outcomes.flat();
    },

    async report(id, claim, { progress, log }) {
      await jobs.updateOne({ _id: { $eq: id }, claim: { $eq: claim } }, { $set: { progress, log } });
    },

    async promote(now, deaths) {
      const due = { dueAt: { $lte: now } };
      const runOut = { state: 'active', ...due } as const;
      const free = { claim: null };
      await jobs.updateMany({ ...runOut, cancelRequested: true }, { $set: { ...ended('cancelled', now), ...free } });
      const failure = { message: `${deaths} workers died or hung while running this job.`, stack: null };
      await jobs.updateMany(
        { ...runOut, deaths: { $gte: deaths - 1 } },
        { $set: { ...ended('failed', now), ...free, failure }, $inc: { deaths: 1 } },
      );
      const names = await jobs.distinct('name', { state: { $in: ['delayed', 'handed', 'active'] }, ...due });
      if (names.length === 0) return [];
      const inLine = { state: 'waiting', claim: null } as const;
      // At its former place, not behind later jobs.
      const again = { ...inLine, dueAt: '$createdAt', deaths: { $add: ['$deaths', 1] } };
      await jobs.updateMany(runOut, [{ $set: again }]);
      await jobs.updateMany({ state: { $in: ['delayed', 'handed'] }, ...due }, { $set: inLine });
      return names;
    },

    async nextDueAt() {
      const [first] = await jobs
        .find({ state: { $in: ['delayed', 'active'] } }, { projection: { dueAt: 1 } })
        .sort({ dueAt: 1 })
        .limit(1)
        .toArray();
      return first?.dueAt ?? null;
    },

    async retry(id, now) {
      const over = { _id: { $eq: id }, state: { $in: ['failed', 'cancelled'] as JobState[] } };
      const job = await jobs.findOne(over, { projection: { name: 1, uniqueKey: 1 } });
      if (!job) return false;
      const again = {
        state: 'waiting' as const,
        attempts: 0,
        deaths: 0,
        dueAt: now,
        finishedAt: null,
        cancelRequested: false,
        progress: null,
        uniqueSlot: job.uniqueKey === null ? null : slotOf(job.name, job.uniqueKey),
      } as const;
      try {
        return (await jobs.updateOne(over, { $set: again })).matchedCount === 1;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    async cancel(id, now) {
      // Twice: it may be claimed between the first and second write, and given back between the second and third.
      for (let tries = 0; tries < 2; tries++) {
        const waits = { _id: { $eq: id }, ...APART };
        if ((await jobs.updateOne(waits, { $set: ended('cancelled', now) })).matchedCount === 1) return true;
        const active = { _id: { $eq: id }, state: 'active' as const };
        if ((await jobs.updateOne(active, { $set: { cancelRequested: true } })).matchedCount === 1) return true;
      }
      return false;
    },

    async remove(id) {
      return (await jobs.deleteOne({ _id: { $eq: id }, state: { $ne: 'active' } })).deletedCount === 1;
    },

    async counts(name) {
      const groups = await jobs
        .aggregate<{ _id: JobState | 'handed'; count: number }>([
          { $match: { name: { $eq: name } } },
          { $group: { _id: '$state', count: { $sum: 1 } } },
        ])
        .toArray();
      const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<JobState, number>;
      for (const { _id, count } of groups) counts[_id === 'handed' ? 'waiting' : _id] += count;
      return counts;
    },

    countEnded: (name, state, since) =>
      jobs.countDocuments({ name: { $eq: name }, state: { $eq: state }, finishedAt: { $gte: since } }),

    async durations(name, limit) {
      const found = await jobs
        .find({ name: { $eq: name }, state: 'completed' }, { projection: { startedAt: 1, finishedAt: 1 } })
        .sort({ finishedAt: -1 })
        .limit(limit)
        .toArray();
      return found.map(({ startedAt, finishedAt }) => ({ startedAt, finishedAt }));
    },

    async oldestWaitingAt(name) {
      const [first] = await jobs
        .find({ name: { $eq: name }, state: 'waiting' }, { projection: { dueAt: 1 } })
        .sort({ dueAt: 1 })
        .limit(1)
        .toArray();
      return first?.dueAt ?? null;
    },

    async setPaused(name, isPaused) {
      if (!isPaused) await paused.deleteOne({ _id: { $eq: name } });
      else await paused.updateOne({ _id: { $eq: name } }, { $set: {} }, { upsert: true });
    },

    isPaused,

    async hand(job, lookAt) {
      try {
        // Without a unique slot: Redis decides on unique keys.
        await jobs.insertOne({ ...newDocument(job), state: 'handed', uniqueSlot: null, dueAt: lookAt });
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
      }
    },

    async handed(now, limit) {
      const found = jobs
        .find({ ...APART, dueAt: { $lte: now } })
        .sort({ dueAt: 1 })
        .limit(limit);
      return (await found.toArray()).map(toNewJob);
    },

    async lookAgain(ids, lookAt) {
      const change = { state: 'handed', uniqueSlot: null, dueAt: lookAt } as const;
      await jobs.updateMany({ _id: { $in: [...ids] }, ...APART }, { $set: change });
    },

    async forget(ids) {
      await jobs.deleteMany({ _id: { $in: [...ids] }, ...APART });
    },

    async purge(state, before, limit) {
      const found = await jobs
        .find({ state: { $eq: state }, finishedAt: { $lt: before } }, { projection: { _id: 1 } })
        .sort({ finishedAt: 1 })
        .limit(limit)
        .toArray();
      const ids = found.map(({ _id }) => _id);
      return (await jobs.deleteMany({ _id: { $in: ids }, state: { $eq: state } })).deletedCount;
    },
  };
}

/** Jobs that no worker of the table has claimed, and that have not ended. */
const APART: Filter<JobDocument> = { state: { $in: ['handed', 'waiting', 'delayed'] } };

function newDocument({ id, args, createdAt, runAt, promised: _, ...job }: NewJob): JobDocument {
  const { name, uniqueKey } = job;
  return {
    _id: id,
    ...job,
    args: asJson(args),
    state: runAt === null ? 'waiting' : 'delayed',
    uniqueSlot: uniqueKey === null ? null : slotOf(name, uniqueKey),
    attempts: 0,
    deaths: 0,
    claim: null,
    cancelRequested: false,
    progress: null,
    log: [],
    result: null,
    failure: null,
    createdAt,
    dueAt: runAt ?? createdAt,
    startedAt: null,
    finishedAt: null,
  };
}

function toNewJob({ _id: id, name, args, priority, uniqueKey, retries, createdAt, state, dueAt }: JobDocument): NewJob {
  const runAt = state === 'delayed' ? dueAt : null;
  return { id, name, args, priority, uniqueKey, retries, createdAt, runAt, promised: true };
}

/** Unambiguous, because names contain no spaces. */
const slotOf = (name: string, uniqueKey: string): string => `${name} ${uniqueKey}`;

function meets({ name, state }: JobFilter): Filter<JobDocument> {
  return {
    ...(name !== undefined && { name: { $eq: name } }),
    ...(state !== undefined && { state: { $in: state === 'waiting' ? ['waiting', 'handed'] : [state] } }),
  };
}

/** An ended job frees its unique key. */
const ended = (state: JobState, now: Date) => ({ state, dueAt: null, finishedAt: now, uniqueSlot: null });

function settled({ state, attempts, progress, log, result, failure, runAt }: Settlement, now: Date) {
  return {
    ...(state === 'waiting' || state === 'delayed' ? { state, dueAt: runAt ?? now } : ended(state, now)),
    attempts,
    progress,
    log,
    failure,
    claim: null,
    result: result === undefined ? null : asJson(result),
  };
}

function toRecord(document: JobDocument): JobRecord {
  const { _id: id, uniqueSlot: _, deaths: __, claim: ___, cancelRequested: ____, dueAt, ...job } = document;
  const state = job.state === 'handed' ? 'waiting' : job.state;
  return { id, ...job, state, runAt: state === 'delayed' ? dueAt : null };
}
