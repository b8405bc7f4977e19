import { CompiledQuery, type Generated, type Kysely, type Transaction } from 'kysely';
import type { SqlDatabase } from '../../platform/database/database.ts';
import { insertRows } from '../../platform/database/insert-rows.ts';
import { preparedInsert } from '../../platform/database/prepared.ts';
import type { NullableTimeColumn, TimeColumn } from '../../platform/database/values.ts';
import type { EventDraft } from './event-store.ts';

export interface EventRow {
  id: string;
  type: string;
  version: number;
  target: string;
  seq: number;
  user_id: string | null;
  actor_id: string | null;
  at: TimeColumn;
  ip: string | null;
  request_id: string | null;
  device: string | null;
  data: string;
  due_at: NullableTimeColumn;
  attempts: number;
  handled: string;
}

export type EventTables = {
  events: EventRow;
  evictions: { position: Generated<number>; target: string };
};

/** The only way for a store to write on SQL: the change and its event in one transaction, or neither. */
export interface SqlOutbox {
  /**
   * Runs `change`; if it returns that it won, writes the event in the same transaction with `seq`, the new version of the record.
   * Returns whether it won.
   */
  commit<Tables>(
    database: SqlDatabase<Tables>,
    event: EventDraft,
    seq: number,
    change: (trx: Transaction<Tables>) => Promise<boolean>,
  ): Promise<boolean>;
  /**
   * The same for a change that is one `insert` or `update`, without `returning`; it won if it changed a row. On PostgreSQL all of it is one
   * statement and one round trip instead of five.
   */
  commitOne<Tables>(
    database: SqlDatabase<Tables>,
    event: EventDraft,
    seq: number,
    change: CompiledQuery,
  ): Promise<boolean>;
  /** The same for many new records, in one transaction. */
  commitMany<Tables>(
    database: SqlDatabase<Tables>,
    events: readonly { event: EventDraft; seq: number }[],
    change: (trx: Transaction<Tables>) => Promise<void>,
  ): Promise<void>;
}

/** `onCommit` is called after the transaction and before the verb returns. */
export function createSqlOutbox({ onCommit }: { onCommit: (event: EventDraft) => void }): SqlOutbox {
  const statements = new WeakMap<object, Statements>();

  function statementsOf<Tables>(database: SqlDatabase<Tables>): Statements {
    const known = statements.get(database);
    if (known) return known;
    const made = prepareStatements(database.db as unknown as Kysely<EventTables>);
    statements.set(database, made);
    return made;
  }

  const commit: SqlOutbox['commit'] = async (database, event, seq, change) => {
    const { insertEvent, insertEviction } = statementsOf(database);
    const won = await database.transaction(async (trx) => {
      if (!(await change(trx))) return false;
      await trx.executeQuery(insertEvent.with(rowOf(event, seq)));
      if (event.evicts) await trx.executeQuery(insertEviction.with({ target: event.target }));
      return true;
    });
    if (won) onCommit(event);
    return won;
  };

  return {
    commit,
    async commitOne(database, event, seq, change) {
      if (database.dialect !== 'postgres') {
        return commit(database, event, seq, async (trx) => (await trx.executeQuery(change)).numAffectedRows === 1n);
      }
      const { rows } = await database.db.executeQuery(asOneStatement(change, event, seq));
      const won = rows.length === 1;
      if (won) onCommit(event);
      return won;
    },

    async commitMany(database, events, change) {
      await database.transaction(async (trx) => {
        await change(trx);
        const insert = { trx: trx as unknown as Transaction<EventTables>, dialect: database.dialect };
        await insertRows(
          insert,
          'events',
          events.map(({ event, seq }) => rowOf(event, seq)),
        );
        const evicting = events.filter(({ event }) => event.evicts).map(({ event: { target } }) => ({ target }));
        await insertRows(insert, 'evictions', evicting);
      });
      for (const { event } of events) onCommit(event);
    },
  };
}

type Statements = ReturnType<typeof prepareStatements>;

const prepareStatements = (db: Kysely<EventTables>) => ({
  insertEvent: preparedInsert(db, 'events'),
  insertEviction: preparedInsert(db, 'evictions'),
});

/**
 * For PostgreSQL. All parts of a statement see the same snapshot, so the event is inserted from what the change returns: nothing, if another
 * writer was faster.
 */
function asOneStatement(change: CompiledQuery, event: EventDraft, seq: number): CompiledQuery {
  const row = Object.entries(rowOf(event, seq));
  const parameters = [...change.parameters, ...row.map(([, value]) => value)];
  const places = row.map((_, index) => `$${change.parameters.length + index + 1}`);
  const columns = row.map(([name]) => name);
  const target = places[columns.indexOf('target')];
  const evicted = `, evicted as (insert into evictions (target) select ${target} from changed)`;
  return CompiledQuery.raw(
    `with changed as (${change.sql} returning 1), told as (insert into events (${columns}) select ${places} from changed)${
      event.evicts ? evicted : ''
    } select true from changed`,
    parameters,
  );
}

function rowOf(event: EventDraft, seq: number) {
  return {
    id: event.id,
    type: event.type,
    version: event.version,
    target: event.target,
    seq,
    user_id: event.userId,
    actor_id: event.actorId,
    at: event.at,
    ip: event.ip,
    request_id: event.requestId,
    device: event.device && JSON.stringify(event.device),
    data: JSON.stringify(event.data),
    due_at: event.pending ? event.at : null,
    attempts: 0,
    handled: '[]',
  };
}
