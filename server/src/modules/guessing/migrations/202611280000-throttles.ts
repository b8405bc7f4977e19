import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('throttles')
      .ifNotExists()
      .addColumn('key', columns.text(64), key)
      .addColumn('tries', columns.int(), required)
      .addColumn('next_at', columns.time(), required)
      .addColumn('expires_at', columns.time(), required)
      .addColumn('version', columns.int(), required)
      .execute();
    await createIndex(db, columns, { name: 'throttles_expires_at', table: 'throttles', on: ['expires_at'] });
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('throttles').ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('throttles').createIndex({ expiresAt: 1 }, { name: 'throttles_expires_at' });
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection('throttles');
  },
};
