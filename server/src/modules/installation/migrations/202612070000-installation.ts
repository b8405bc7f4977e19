import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import type { Columns } from '../../../platform/database/columns.ts';

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('installation')
      .ifNotExists()
      .addColumn('place', columns.int(), (column: ColumnDefinitionBuilder) => column.primaryKey().notNull())
      .addColumn('id', columns.id(), (column: ColumnDefinitionBuilder) => column.notNull())
      .execute();
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('installation').ifExists().execute();
  },
};

export const mongo = {
  /** Look-ups by id need no other index, and the first write creates the collection. */
  async up(): Promise<void> {},

  async down(db: Db): Promise<void> {
    await db.dropCollection('installation');
  },
};
