import type { Generated, Transaction } from 'kysely';
import type { SqlDatabase } from '../../platform/database/database.ts';
import { insertRows } from '../../platform/database/insert-rows.ts';
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
  /** The same for many new records, in one transaction. */
  commitMany<Tables>(
    database: SqlDatabase<Tables>,
    events: readonly { event: EventDraft; seq: number }[],
    change: (trx: Transaction<Tables>) => Promise<void>,
  ): Promise<void>;
}

/** `onCommit` is called after the transaction and before the verb returns. */
export function createSqlOutbox({ onCommit }: { onCommit: (event: EventDraft) => void }): SqlOutbox {
  return {
    async commit(database, event, seq, change) {
      const won = await database.transaction(async (trx) => {
        if (!(await change(trx))) return false;
        const tables = trx as unknown as Transaction<EventTables>;
        await tables.insertInto('events').values(rowOf(event, seq)).execute();
        if (event.evicts) await tables.insertInto('evictions').values({ target: event.target }).execute();
        return true;
      });
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
