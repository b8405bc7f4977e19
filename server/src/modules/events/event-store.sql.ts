import { type Selectable, sql } from 'kysely';
import { type Database, sqlOf } from '../../platform/database/database.ts';
import { toDate } from '../../platform/database/values.ts';
import type { EventRecord, EventStore, PendingEvent } from './event-store.ts';
import type { EventRow, EventTables } from './outbox.sql.ts';

/** Events on SQL. Writing them is the outbox's work. */
export function createSqlEventStore(database: Database): EventStore {
  const { db } = sqlOf<EventTables>(database);

  return {
    async due(now, limit, types) {
      const rows = await db
        .selectFrom('events as event')
        .selectAll()
        .where('due_at', '<=', now)
        .$if(types !== undefined, (query) => query.where('type', 'in', types ?? []))
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('events as earlier')
                .select(sql.lit(1).as('one'))
                .whereRef('earlier.target', '=', 'event.target')
                .whereRef('earlier.seq', '<', 'event.seq')
                .where('earlier.due_at', 'is not', null),
            ),
          ),
        )
        .orderBy('due_at')
        .limit(limit)
        .execute();
      return rows.map(toPending);
    },

    async claim(id, seen, until) {
      const result = await db
        .updateTable('events')
        .set({ due_at: until })
        .where('id', '=', id)
        .where('due_at', '=', seen)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    async settle(id, claimedUntil) {
      const result = await db
        .updateTable('events')
        .set({ due_at: null })
        .where('id', '=', id)
        .where('due_at', '=', claimedUntil)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    async postpone(id, claimedUntil, { dueAt, attempts, handled }) {
      const result = await db
        .updateTable('events')
        .set({ due_at: dueAt, attempts, handled: JSON.stringify(handled) })
        .where('id', '=', id)
        .where('due_at', '=', claimedUntil)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    async listForUser(userId, { before, skip = 0, limit }) {
      const rows = await db
        .selectFrom('events')
        .selectAll()
        .where('user_id', '=', userId)
        .$if(before !== null, (query) => query.where('id', '<', before ?? ''))
        .orderBy('id', 'desc')
        .limit(limit)
        .offset(skip)
        .execute();
      return rows.map(toRecord);
    },

    async countForUser(userId, limit) {
      const row = await db
        .selectFrom(db.selectFrom('events').select('id').where('user_id', '=', userId).limit(limit).as('some'))
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },

    async listForTarget(target) {
      const rows = await db.selectFrom('events').selectAll().where('target', '=', target).orderBy('seq').execute();
      return rows.map(toRecord);
    },

    async evictionsAfter(position, limit) {
      return db
        .selectFrom('evictions')
        .select(['position', 'target'])
        .where('position', '>', position)
        .orderBy('position')
        .limit(limit)
        .execute();
    },

    async forgetEvictions(position) {
      await db.deleteFrom('evictions').where('position', '<=', position).execute();
    },

    sweep: async () => 0,
  };
}

function toRecord(row: Selectable<EventRow>): EventRecord {
  return {
    id: row.id,
    type: row.type,
    version: row.version,
    target: row.target,
    seq: row.seq,
    userId: row.user_id,
    actorId: row.actor_id,
    at: toDate(row.at),
    ip: row.ip,
    requestId: row.request_id,
    device: row.device === null ? null : JSON.parse(row.device),
    data: JSON.parse(row.data),
  };
}

function toPending(row: Selectable<EventRow>): PendingEvent {
  return {
    ...toRecord(row),
    dueAt: toDate(row.due_at ?? row.at),
    attempts: row.attempts,
    handled: JSON.parse(row.handled),
  };
}
