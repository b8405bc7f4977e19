import { type ExpressionBuilder, type Selectable, sql, type Updateable } from 'kysely';
import { type Database, sqlOf, uniqueViolation } from '../../platform/database/database.ts';
import { prepared } from '../../platform/database/prepared.ts';
import { toDate } from '../../platform/database/values.ts';
import { leastId } from '../../platform/ids.ts';
import { NOWHERE } from './anonymised.ts';
import { typeRange } from './event-bounds.ts';
import type { EventFilter, EventRecord, EventStore, PendingEvent } from './event-store.ts';
import type { EventRow, EventTables, SqlOutbox } from './outbox.sql.ts';

/** Events per anonymising statement, so that a long history does not block others. */
const BATCH = 200;
/** Events per deleting statement. */
const PURGED = 500;

/** Events on SQL. The outbox writes them. */
export function createSqlEventStore(deps: { database: Database; outbox: SqlOutbox }): EventStore {
  const database = sqlOf<EventTables>(deps.database);
  const { db } = database;

  const claim = prepared((its: { id: string; seen: Date; until: Date }) =>
    db.updateTable('events').set({ due_at: its.until }).where('id', '=', its.id).where('due_at', '=', its.seen),
  );

  const settle = prepared((its: { id: string; claimedUntil: Date }) =>
    db.updateTable('events').set({ due_at: null }).where('id', '=', its.id).where('due_at', '=', its.claimedUntil),
  );

  const following = prepared((page: { after: string; limit: number }) =>
    db
      .selectFrom('events')
      .select(['id', 'type', 'target', 'seq', 'user_id', 'at'])
      .where('id', '>', page.after)
      .orderBy('id')
      .limit(page.limit),
  );

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
      return (await db.executeQuery(claim.with({ id, seen, until }))).numAffectedRows === 1n;
    },

    async settle(id, claimedUntil) {
      return (await db.executeQuery(settle.with({ id, claimedUntil }))).numAffectedRows === 1n;
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

    async list(filter, { before, skip = 0, limit }) {
      const rows = await db
        .selectFrom('events')
        .selectAll()
        .where((eb) => meets(eb, filter))
        .$if(before !== null, (query) => query.where('id', '<', before ?? ''))
        .orderBy('id', 'desc')
        .limit(limit)
        .offset(skip)
        .execute();
      return rows.map(toRecord);
    },

    async count(filter, limit) {
      const some = db
        .selectFrom('events')
        .select('id')
        .where((eb) => meets(eb, filter))
        .limit(limit);
      const row = await db
        .selectFrom(some.as('some'))
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },

    async find(id) {
      const row = await db.selectFrom('events').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? toRecord(row) : null;
    },

    async listAfter(after, limit) {
      const { rows } = await db.executeQuery(following.with({ after, limit }));
      return rows.map(({ id, type, target, seq, user_id, at }) => {
        return { id, kind: type, target, version: seq, userId: user_id, at: toDate(at) };
      });
    },

    async record(event, seq) {
      try {
        return await deps.outbox.commit(database, event, seq, async () => true);
      } catch (error) {
        if (uniqueViolation(error) === null) throw error;
        return false;
      }
    },

    async purge({ before, type }, limit) {
      const rows = await db
        .selectFrom('events')
        .select('id')
        .where((eb) => meets(eb, { type, to: before }))
        .where('due_at', 'is', null)
        .orderBy('id')
        .limit(Math.min(limit, PURGED))
        .execute();
      if (rows.length === 0) return 0;
      const ids = rows.map(({ id }) => id);
      return Number((await db.deleteFrom('events').where('id', 'in', ids).executeTakeFirst()).numDeletedRows);
    },

    async listForTarget(target) {
      const rows = await db.selectFrom('events').selectAll().where('target', '=', target).orderBy('seq').execute();
      return rows.map(toRecord);
    },

    async anonymise(userId) {
      for (const [column, value] of Object.entries(placesOf(userId)) as [Place, string][]) {
        for (let last = ''; ; ) {
          const rows = await db
            .selectFrom('events')
            .select(['id', 'user_id', 'actor_id', 'target', 'data'])
            .where(column, '=', value)
            .where('id', '>', last)
            .orderBy('id')
            .limit(BATCH)
            .execute();
          for (const { set, ids } of idsByRemains(rows, userId)) {
            await db.updateTable('events').set(set).where('id', 'in', ids).execute();
          }
          if (rows.length < BATCH) break;
          last = rows.at(-1)?.id ?? last;
        }
      }
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

function meets(eb: ExpressionBuilder<EventTables, 'events'>, filter: EventFilter) {
  const { type, actorId, userId, target, requestId, ip, from, to } = filter;
  const range = type === undefined ? null : typeRange(type);
  return eb.and([
    ...(range !== null ? [eb('type', '>=', range.from), eb('type', '<', range.before)] : []),
    ...(type !== undefined && range === null ? [eb('type', '=', type)] : []),
    ...(actorId !== undefined ? [eb('actor_id', '=', actorId)] : []),
    ...(userId !== undefined ? [eb('user_id', '=', userId)] : []),
    ...(target !== undefined ? [eb('target', '=', target)] : []),
    ...(requestId !== undefined ? [eb('request_id', '=', requestId)] : []),
    ...(ip !== undefined ? [eb('ip', '=', ip)] : []),
    ...(from !== undefined ? [eb('id', '>=', leastId(from))] : []),
    ...(to !== undefined ? [eb('id', '<', leastId(to))] : []),
  ]);
}

type Place = 'user_id' | 'actor_id' | 'target';

/** Whether an event is about a user. A user has the id of its registration. */
const placesOf = (userId: string): Record<Place, string> => ({
  user_id: userId,
  actor_id: userId,
  target: `registration:${userId}`,
});

type Told = Pick<Selectable<EventRow>, 'id' | 'user_id' | 'actor_id' | 'target' | 'data'>;

/**
 * The anonymised form of an erased user's events, with their ids. The address of another actor is not theirs; of their actions on
 * others, only the address is.
 */
function idsByRemains(rows: Told[], userId: string) {
  const places = placesOf(userId);
  const found = new Map<string, { set: Updateable<EventRow>; ids: string[] }>();
  for (const { id, user_id, actor_id, target, data } of rows) {
    const byThem = actor_id === userId || actor_id === null;
    const { country: _, ...others } = JSON.parse(data);
    const own = user_id === userId || target === places.target;
    const left = own ? onlyReason(others) : JSON.stringify(others);
    const set = { data: left, ...(byThem && NOWHERE) };
    const key = JSON.stringify(set);
    found.set(key, { set, ids: [...(found.get(key)?.ids ?? []), id] });
  }
  return found.values();
}

function onlyReason(data: Record<string, unknown>): string {
  return JSON.stringify(Object.hasOwn(data, 'reason') ? { reason: data.reason } : {});
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
