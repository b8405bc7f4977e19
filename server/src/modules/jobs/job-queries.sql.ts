import { type ExpressionBuilder, type Kysely, sql } from 'kysely';
import { toDateOrNull } from '../../platform/database/values.ts';
import { JOB_STATES, type JobFilter, type JobState } from '../../platform/queue/queue.ts';
import { type JobTables, slotOf, toRecord } from './job-rows.sql.ts';
import type { JobStore } from './job-store.ts';

type Queries = 'find' | 'findUnique' | 'list' | 'count' | 'counts' | 'countEnded' | 'durations' | 'oldestWaitingAt';

/** The queries of jobs on SQL. */
export function createJobQueries(db: Kysely<JobTables>): Pick<JobStore, Queries> {
  return {
    async find(id) {
      const row = await db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? toRecord(row) : null;
    },

    async findUnique(name, uniqueKey) {
      const slot = slotOf(name, uniqueKey);
      const row = await db.selectFrom('jobs').selectAll().where('unique_slot', '=', slot).executeTakeFirst();
      return row ? toRecord(row) : null;
    },

    async list(filter, { skip, limit }) {
      const rows = await db
        .selectFrom('jobs')
        .selectAll()
        .where((eb) => meets(eb, filter))
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .offset(skip)
        .execute();
      return rows.map(toRecord);
    },

    async count(filter, limit) {
      const some = db
        .selectFrom('jobs')
        .select('id')
        .where((eb) => meets(eb, filter))
        .limit(limit);
      const row = await db
        .selectFrom(some.as('some'))
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },

    async counts(name) {
      const rows = await db
        .selectFrom('jobs')
        .select(({ fn }) => ['state' as const, fn.countAll<number>().as('count')])
        .where('name', '=', name)
        .groupBy('state')
        .execute();
      const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<JobState, number>;
      for (const { state, count } of rows) counts[state === 'handed' ? 'waiting' : state] += Number(count);
      return counts;
    },

    async countEnded(name, state, since) {
      const row = await db
        .selectFrom('jobs')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('state', '=', state)
        .where('finished_at', '>=', since)
        .where('name', '=', name)
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },

    async durations(name, limit) {
      const rows = await db
        .selectFrom('jobs')
        .select(['started_at', 'finished_at'])
        .where('state', '=', 'completed')
        .where('finished_at', 'is not', null)
        .where('name', '=', name)
        .orderBy('finished_at', 'desc')
        .limit(limit)
        .execute();
      return rows.map(({ started_at, finished_at }) => ({
        startedAt: toDateOrNull(started_at),
        finishedAt: toDateOrNull(finished_at),
      }));
    },

    async oldestWaitingAt(name) {
      const row = await db
        .selectFrom('jobs')
        .select(({ fn }) => fn.min('due_at').as('oldest'))
        .where('name', '=', name)
        .where('state', '=', sql.lit('waiting' as const))
        .executeTakeFirst();
      return toDateOrNull(row?.oldest ?? null);
    },
  };
}

function meets(eb: ExpressionBuilder<JobTables, 'jobs'>, { name, state }: JobFilter) {
  return eb.and([
    ...(name === undefined ? [] : [eb('name', '=', name)]),
    ...(state === undefined ? [] : [eb('state', 'in', state === 'waiting' ? ['waiting', 'handed'] : [state])]),
  ]);
}
