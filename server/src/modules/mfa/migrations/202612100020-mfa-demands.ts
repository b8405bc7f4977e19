import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const TABLE = 'mfa_demands';
const BY_USER = 'mfa_demands_user_id';
const BY_CAUSE = 'mfa_demands_cause';

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable(TABLE)
      .ifNotExists()
      .addColumn('id', columns.text(120), (column) => column.primaryKey().notNull())
      .addColumn('user_id', columns.id(), required)
      .addColumn('cause', columns.text(80), required)
      .addColumn('since', columns.time(), required)
      .execute();
    await createIndex(db, columns, { name: BY_USER, table: TABLE, on: ['user_id'] });
    await createIndex(db, columns, { name: BY_CAUSE, table: TABLE, on: ['cause'] });
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable(TABLE).ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection(TABLE).createIndexes([
      { name: BY_USER, key: { userId: 1 } },
      { name: BY_CAUSE, key: { cause: 1 } },
    ]);
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection(TABLE);
  },
};
