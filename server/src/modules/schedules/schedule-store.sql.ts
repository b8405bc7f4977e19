import type { Insertable, Selectable, Updateable } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import {
  type BoolColumn,
  type NullableTimeColumn,
  type TimeColumn,
  toDate,
  toDateOrNull,
} from '../../platform/database/values.ts';
import type { SqlOutbox } from '../events/outbox.sql.ts';
import type { ScheduleChange, SchedulePatch, ScheduleRecord, ScheduleStore } from './schedule-store.ts';

interface ScheduleRow {
  id: string;
  name: string;
  job: string;
  args: string;
  timing: string;
  options: string;
  missed: ScheduleRecord['missed'];
  enabled: BoolColumn;
  start_at: NullableTimeColumn;
  end_at: NullableTimeColumn;
  origin: ScheduleRecord['origin'];
  next_run_at: NullableTimeColumn;
  last_run_at: NullableTimeColumn;
  created_at: TimeColumn;
  updated_at: TimeColumn;
  revision: number | null;
  version: number;
}

interface ScheduleTables {
  schedules: ScheduleRow;
}

/** Schedules on SQL. */
export function createSqlScheduleStore(deps: { database: Database; outbox: SqlOutbox }): ScheduleStore {
  const database = sqlOf<ScheduleTables>(deps.database);
  const { db } = database;

  return {
    async insert(schedule, event) {
      const { id, name, job, missed, origin, revision, version } = schedule;
      const row: Insertable<ScheduleRow> = {
        id,
        name,
        job,
        missed,
        origin,
        revision,
        version,
        args: JSON.stringify(schedule.args),
        timing: JSON.stringify(schedule.timing),
        options: JSON.stringify(schedule.options),
        enabled: schedule.enabled,
        start_at: schedule.startAt,
        end_at: schedule.endAt,
        next_run_at: schedule.nextRunAt,
        last_run_at: schedule.lastRunAt,
        created_at: schedule.createdAt,
        updated_at: schedule.updatedAt,
      };
      try {
        await deps.outbox.commit(database, event, version, async (trx) => {
          await trx.insertInto('schedules').values(row).execute();
          return true;
        });
        return 'ok';
      } catch (error) {
        return takenName(error);
      }
    },

    async find(id) {
      const row = await db.selectFrom('schedules').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? toRecord(row) : null;
    },

    async list() {
      return (await db.selectFrom('schedules').selectAll().orderBy('name').execute()).map(toRecord);
    },

    async patch({ id, version, now }, patch, event) {
      try {
        const won = await deps.outbox.commit(database, event, version + 1, async (trx) => {
          const { numUpdatedRows } = await trx
            .updateTable('schedules')
            .set({ ...toChange(patch), updated_at: now, version: version + 1 })
            .where('id', '=', id)
            .where('version', '=', version)
            .executeTakeFirst();
          return numUpdatedRows === 1n;
        });
        return won ? 'ok' : 'lost';
      } catch (error) {
        return takenName(error);
      }
    },

    async remove({ id, version }, event) {
      const won = await deps.outbox.commit(database, event, version + 1, async (trx) => {
        const gone = trx.deleteFrom('schedules').where('id', '=', id).where('version', '=', version);
        return (await gone.executeTakeFirst()).numDeletedRows === 1n;
      });
      return won ? 'ok' : 'lost';
    },

    async due(now, future, jobs) {
      if (jobs.length === 0) return [];
      const rows = await db
        .selectFrom('schedules')
        .selectAll()
        .where('next_run_at', 'is not', null)
        .where('job', 'in', jobs)
        .where((eb) => eb.or([eb('next_run_at', '<=', now), eb('updated_at', '>', future)]))
        .orderBy('next_run_at')
        .orderBy('id')
        .execute();
      return rows.map(toRecord);
    },

    async nextDueAt(jobs) {
      if (jobs.length === 0) return null;
      const row = await db
        .selectFrom('schedules')
        .where('job', 'in', jobs)
        .select(({ fn }) => fn.min('next_run_at').as('next'))
        .executeTakeFirst();
      return toDateOrNull(row?.next ?? null);
    },
  };
}

function takenName(error: unknown): ScheduleChange {
  if (uniqueViolation(error)?.includes('name')) return 'name_taken';
  throw error;
}

function toChange(patch: SchedulePatch): Updateable<ScheduleRow> {
  const { name, job, missed, origin, enabled, revision } = patch;
  const { args, timing, options, startAt, endAt, nextRunAt, lastRunAt } = patch;
  const change = {
    name,
    job,
    missed,
    origin,
    enabled,
    revision,
    start_at: startAt,
    end_at: endAt,
    next_run_at: nextRunAt,
    last_run_at: lastRunAt,
    args: args === undefined ? undefined : JSON.stringify(args),
    timing: timing && JSON.stringify(timing),
    options: options && JSON.stringify(options),
  };
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

function toRecord(row: Selectable<ScheduleRow>): ScheduleRecord {
  const { id, name, job, missed, origin, version } = row;
  return {
    id,
    name,
    job,
    missed,
    origin,
    version,
    args: JSON.parse(row.args),
    timing: JSON.parse(row.timing),
    options: JSON.parse(row.options),
    enabled: Boolean(row.enabled),
    startAt: toDateOrNull(row.start_at),
    endAt: toDateOrNull(row.end_at),
    nextRunAt: toDateOrNull(row.next_run_at),
    lastRunAt: toDateOrNull(row.last_run_at),
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    revision: row.revision ?? 1,
  };
}
