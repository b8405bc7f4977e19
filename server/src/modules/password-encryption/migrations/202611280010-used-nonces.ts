import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

const INDEX = 'used_nonces_expires_at';

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('used_nonces')
      .ifNotExists()
      .addColumn('id', columns.text(32), key)
      .addColumn('expires_at', columns.time(), required)
      .execute();
    await createIndex(db, columns, { name: INDEX, table: 'used_nonces', on: ['expires_at'] });
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('used_nonces').ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('used_nonces').createIndex({ expiresAt: 1 }, { name: INDEX });
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection('used_nonces');
  },
};
