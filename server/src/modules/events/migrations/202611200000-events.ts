import { type ColumnDefinitionBuilder, type Expression, type Kysely, sql as raw } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('events')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('type', columns.text(80), required)
      .addColumn('version', columns.int(), required)
      .addColumn('target', columns.text(80), required)
      .addColumn('seq', columns.int(), required)
      .addColumn('user_id', columns.id())
      .addColumn('actor_id', columns.id())
      .addColumn('at', columns.time(), required)
      .addColumn('ip', columns.text(64))
      .addColumn('request_id', columns.text(64))
      .addColumn('device', columns.json())
      .addColumn('data', columns.json(), required)
      .addColumn('due_at', columns.time())
      .addColumn('attempts', columns.int(), required)
      .addColumn('handled', columns.json(), required)
      .execute();
    await createIndex(db, columns, {
      name: 'events_target_seq',
      table: 'events',
      on: ['target', 'seq'],
      unique: true,
    });
    await createIndex(db, columns, { name: 'events_user_id_id', table: 'events', on: ['user_id', 'id'] });
    await createIndex(db, columns, {
      name: 'events_due_at',
      table: 'events',
      on: ['due_at'],
      where: raw<boolean>`due_at is not null`,
    });
    await db.schema
      .createTable('evictions')
      .ifNotExists()
      .addColumn('position', positionType(columns), (column) => numbered(column, columns))
      .addColumn('target', columns.text(80), required)
      .execute();
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('evictions').ifExists().execute();
    await db.schema.dropTable('events').ifExists().execute();
  },
};

function positionType(columns: Columns): Expression<unknown> {
  return columns.dialect === 'sqlite' ? raw`integer` : raw`bigint`;
}

/** Never gives a number again, also when the last rows are gone: readers remember how far they came. */
function numbered(column: ColumnDefinitionBuilder, { dialect }: Columns): ColumnDefinitionBuilder {
  const primary = column.notNull().primaryKey();
  return dialect === 'postgres' ? primary.generatedAlwaysAsIdentity() : primary.autoIncrement();
}

export const mongo = {
  async up(db: Db): Promise<void> {
    const pending = { dueAt: { $type: 'date' } };
    await db.collection('events').createIndexes([
      { name: 'events_target_seq', key: { target: 1, seq: 1 }, unique: true },
      { name: 'events_user_id_id', key: { userId: 1, _id: 1 } },
      { name: 'events_due_at', key: { dueAt: 1 }, partialFilterExpression: pending },
      // An event waits for the earlier ones of its target: this holds the few that are still waiting.
      { name: 'events_pending_target_seq', key: { target: 1, seq: 1, dueAt: 1 }, partialFilterExpression: pending },
    ]);
    await db.collection('evictions').createIndex({ position: 1 }, { name: 'evictions_position', unique: true });
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection('evictions');
    await db.dropCollection('events');
  },
};
