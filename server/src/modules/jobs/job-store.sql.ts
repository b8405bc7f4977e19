import { type Kysely, sql, type Updateable } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { preparedInsert } from '../../platform/database/prepared.ts';
import { toDateOrNull } from '../../platform/database/values.ts';
import { dueJobs, promoteDue } from './job-promotion.sql.ts';
import { createJobQueries } from './job-queries.sql.ts';
import { ended, type JobRow, type JobTables, newRow, slotOf, toNewJob, toRecord } from './job-rows.sql.ts';
import type { JobStore, Settlement } from './job-store.ts';

/** Ids per statement. */
const BATCH = 500;

/** Jobs on SQL. */
export function createSqlJobStore(deps: { database: Database }): JobStore {
  const database = sqlOf<JobTables>(deps.database);
  const { db } = database;

  const newJob = preparedInsert(db, 'jobs');

  const hasRows = ({ numUpdatedRows }: { numUpdatedRows: bigint }) => numUpdatedRows > 0n;

  async function settleOne(on: Kysely<JobTables>, settlement: Settlement, now: Date): Promise<boolean> {
    const held = on.updateTable('jobs').where('id', '=', settlement.id).where('claim', '=', settlement.claim);
    const goesOn = settlement.state === 'waiting' || settlement.state === 'delayed';
    const usual = goesOn ? held.where('cancel_requested', '=', false) : held;
    if (hasRows(await usual.set(settled(settlement, now)).executeTakeFirst())) return true;
    // It was cancelled while it ran, so it does not continue.
    const instead = settled({ ...settlement, state: 'cancelled', runAt: null }, now);
    return goesOn && hasRows(await held.set(instead).executeTakeFirst());
  }

  async function isPaused(name: string): Promise<boolean> {
    const row = await db.selectFrom('paused_queues').select('name').where('name', '=', name).executeTakeFirst();
    return row !== undefined;
  }

  return {
    ...createJobQueries(db),

    async insert(job) {
      try {
        await db.executeQuery(newJob.with(newRow(job)));
        return true;
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    async claim(name, limit, { claim, now, until }) {
      const waiting = await db
        .selectFrom('jobs')
        .select('id')
        .where('name', '=', name)
        // A literal: with a parameter, the planner cannot use the partial index.
        .where('state', '=', sql.lit('waiting' as const))
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('paused_queues').select('name').where('name', '=', name))),
        )
        .orderBy('priority')
        .orderBy('due_at')
        .orderBy('id')
        .limit(limit)
        .execute();
      if (waiting.length === 0) return [];
      const taken = { state: 'active', claim, due_at: until, started_at: now, finished_at: null } as const;
      const ids = waiting.map(({ id }) => id);
      await db.updateTable('jobs').set(taken).where('id', 'in', ids).where('state', '=', 'waiting').execute();
      // Other workers may have claimed or changed some of them since they were read.
      const won = await db.selectFrom('jobs').selectAll().where('id', 'in', ids).where('claim', '=', claim).execute();
      const order = new Map(ids.map((id, place) => [id, place]));
      return won.map(toRecord).sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
    },

    async renew(claims, until) {
      const claimOf = new Map(claims.map(({ id, claim }) => [id, claim]));
      const held: string[] = [];
      const cancelled: string[] = [];
      for (let at = 0; at < claims.length; at += BATCH) {
        const some = claims.slice(at, at + BATCH);
        const ids = some.map(({ id }) => id);
        await db
          .updateTable('jobs')
          .set({ due_at: until })
          .where('id', 'in', ids)
          .where('claim', 'in', [...new Set(some.map(({ claim }) => claim))])
          .where('state', '=', 'active')
          .execute();
        const rows = await db
          .selectFrom('jobs')
          .select(['id', 'claim', 'cancel_requested'])
          .where('id', 'in', ids)
          .execute();
        for (const row of rows) {
          if (row.claim !== claimOf.get(row.id)) continue;
          held.push(row.id);
          if (row.cancel_requested) cancelled.push(row.id);
        }
      }
      const isHeld = new Set(held);
      return { lost: [...claimOf.keys()].filter((id) => !isHeld.has(id)), cancelled };
    },

    async settle(settlements, now) {
      // Commits are slow on SQLite. On other databases, one transaction over many rows would deadlock with statements over many rows.
      if (database.dialect === 'sqlite') {
        return database.transaction(async (trx) => {
          const lost: string[] = [];
          for (const settlement of settlements) if (!(await settleOne(trx, settlement, now))) lost.push(settlement.id);
          return lost;
        });
      }
      const lost = settlements.map(async (settlement) =>
        (await settleOne(db, settlement, now)) ? [] : [settlement.id],
      );
      return (await Promise.all(lost)).flat();
    },

    async report(id, claim, { progress, log }) {
      await db
        .updateTable('jobs')
        .set({ progress, log: JSON.stringify(log) })
        .where('id', '=', id)
        .where('claim', '=', claim)
        .execute();
    },

    async promote(now, deaths) {
      const some = await dueJobs(db, now).limit(1).execute();
      return some.length === 0
        ? []
        : database.transaction((trx) => promoteDue(trx, { now, deaths, dialect: database.dialect }));
    },

    async nextDueAt() {
      const row = await db
        .selectFrom('jobs')
        .select(({ fn }) => fn.min('due_at').as('next'))
        .where('state', 'in', ['delayed', 'active'])
        // Repeats the condition of the partial index, which the planner uses only then.
        .where('due_at', 'is not', null)
        .executeTakeFirst();
      return toDateOrNull(row?.next ?? null);
    },

    async retry(id, now) {
      const ended = db.selectFrom('jobs').select(['name', 'unique_key']).where('id', '=', id);
      const job = await ended.where('state', 'in', ['failed', 'cancelled']).executeTakeFirst();
      if (!job) return false;
      const again = db
        .updateTable('jobs')
        .set({
          state: 'waiting',
          attempts: 0,
          deaths: 0,
          due_at: now,
          finished_at: null,
          cancel_requested: false,
          progress: null,
          unique_slot: job.unique_key === null ? null : slotOf(job.name, job.unique_key),
        })
        .where('id', '=', id)
        .where('state', 'in', ['failed', 'cancelled']);
      try {
        return hasRows(await again.executeTakeFirst());
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    async cancel(id, now) {
      const job = db.updateTable('jobs').where('id', '=', id);
      // Twice: it may be claimed between the first and second write, and given back between the second and third.
      for (let tries = 0; tries < 2; tries++) {
        const waits = job.set(ended('cancelled', now)).where('state', 'in', ['waiting', 'delayed', 'handed']);
        if (hasRows(await waits.executeTakeFirst())) return true;
        const asked = job.set({ cancel_requested: true }).where('state', '=', 'active');
        if (hasRows(await asked.executeTakeFirst())) return true;
      }
      return false;
    },

    async remove(id) {
      const { numDeletedRows } = await db
        .deleteFrom('jobs')
        .where('id', '=', id)
        .where('state', '!=', 'active')
        .executeTakeFirst();
      return numDeletedRows > 0n;
    },

    async setPaused(name, paused) {
      if (!paused) {
        await db.deleteFrom('paused_queues').where('name', '=', name).execute();
        return;
      }
      try {
        await db.insertInto('paused_queues').values({ name }).execute();
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
      }
    },

    isPaused,

    async hand(job, lookAt) {
      // Without a unique slot: Redis decides on unique keys.
      const row = { ...newRow(job), state: 'handed' as const, unique_slot: null, due_at: lookAt };
      try {
        await db.insertInto('jobs').values(row).execute();
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
      }
    },

    async handed(now, limit) {
      const rows = await db
        .selectFrom('jobs')
        .selectAll()
        .where('state', 'in', ['handed', 'waiting', 'delayed'])
        .where('due_at', '<=', now)
        .orderBy('due_at')
        .limit(Math.min(limit, BATCH))
        .execute();
      return rows.map(toNewJob);
    },

    async lookAgain(ids, lookAt) {
      if (ids.length === 0) return;
      await db
        .updateTable('jobs')
        .set({ state: 'handed', unique_slot: null, due_at: lookAt })
        .where('id', 'in', ids)
        .where('state', 'in', ['handed', 'waiting', 'delayed'])
        .execute();
    },

    async forget(ids) {
      if (ids.length === 0) return;
      const handed = db
        .deleteFrom('jobs')
        .where('id', 'in', ids)
        .where('state', 'in', ['handed', 'waiting', 'delayed']);
      await handed.execute();
    },

    async purge(state, before, limit) {
      const rows = await db
        .selectFrom('jobs')
        .select('id')
        .where('state', '=', state)
        .where('finished_at', '<', before)
        .orderBy('finished_at')
        .limit(Math.min(limit, BATCH))
        .execute();
      if (rows.length === 0) return 0;
      const { numDeletedRows } = await db
        .deleteFrom('jobs')
        .where('state', '=', state)
        .where(
          'id',
          'in',
          rows.map(({ id }) => id),
        )
        .executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}

function settled(settlement: Settlement, now: Date): Updateable<JobRow> {
  const { state, attempts, progress, log, result, failure, runAt } = settlement;
  return {
    ...(state === 'waiting' || state === 'delayed' ? { state, due_at: runAt ?? now } : ended(state, now)),
    attempts,
    progress,
    claim: null,
    log: JSON.stringify(log),
    result: result === undefined ? null : JSON.stringify(result),
    failure: failure && JSON.stringify(failure),
  };
}
