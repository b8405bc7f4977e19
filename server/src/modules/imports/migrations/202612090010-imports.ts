import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import type { Columns } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('imports')
      .ifNotExists()
      .addColumn('id', columns.text(64), (column: ColumnDefinitionBuilder) => column.primaryKey().notNull())
      .addColumn('state', columns.json(), required)
      .addColumn('version', columns.int(), required)
      .execute();
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('imports').ifExists().execute();
  },
};

export const mongo = {
  /** For the sweep: contains only the documents that still carry an event. */
  async up(db: Db): Promise<void> {
    const carrying = { 'outbox._id': { $exists: true } };
    await db
      .collection('imports')
      .createIndex({ 'outbox._id': 1 }, { name: 'outbox', partialFilterExpression: carrying });
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection('imports');
  },
};
