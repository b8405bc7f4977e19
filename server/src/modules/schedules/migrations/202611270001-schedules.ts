import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    const table = 'schedules';
    await db.schema
      .createTable(table)
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('name', columns.text(80), required)
      .addColumn('job', columns.text(60), required)
      .addColumn('args', columns.json(), required)
      .addColumn('timing', columns.json(), required)
      .addColumn('options', columns.json(), required)
      .addColumn('missed', columns.text(10), required)
      .addColumn('enabled', columns.bool(), required)
      .addColumn('start_at', columns.time())
      .addColumn('end_at', columns.time())
      .addColumn('origin', columns.text(10), required)
      .addColumn('next_run_at', columns.time())
      .addColumn('last_run_at', columns.time())
      .addColumn('created_at', columns.time(), required)
      .addColumn('updated_at', columns.time(), required)
      .addColumn('version', columns.int(), required)
      .execute();
    await createIndex(db, columns, { name: 'schedules_name', table, on: ['name'], unique: true });
    await createIndex(db, columns, { name: 'schedules_next_run_at', table, on: ['next_run_at'] });
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('schedules').ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('schedules').createIndexes([
      {
        name: 'schedules_name',
        key: { name: 1 },
        unique: true,
        partialFilterExpression: { name: { $type: 'string' } },
      },
      { name: 'schedules_next_run_at', key: { nextRunAt: 1 } },
      {
        name: 'schedules_outbox_id',
        key: { 'outbox._id': 1 },
        partialFilterExpression: { 'outbox._id': { $exists: true } },
      },
    ]);
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection('schedules');
  },
};
