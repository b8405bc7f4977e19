import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import type { Columns } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

const NOBODY_YET = { id: 1, user_ids: '[]', setup_id: null, setup_key_id: null, setup_expires_at: null, version: 0 };

/** The sweep uses this index to find documents that still carry an event; it holds no others. */
const OUTBOX = {
  name: 'outbox',
  key: { 'outbox._id': 1 },
  partialFilterExpression: { 'outbox._id': { $exists: true } },
} as const;

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('superadmins')
      .ifNotExists()
      .addColumn('id', columns.int(), key)
      .addColumn('user_ids', columns.json(), required)
      .addColumn('setup_id', columns.id())
      .addColumn('setup_key_id', columns.text(64))
      .addColumn('setup_expires_at', columns.time())
      .addColumn('version', columns.int(), required)
      .execute();
    const tables = db.withTables<{ superadmins: typeof NOBODY_YET }>();
    const row = await tables.selectFrom('superadmins').select('id').executeTakeFirst();
    if (!row) await tables.insertInto('superadmins').values(NOBODY_YET).execute();
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('superadmins').ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    const superadmins = db.collection<{ _id: string }>('superadmins');
    await superadmins.createIndexes([OUTBOX]);
    const nobodyYet = { userIds: [], setup: null, version: 0, outbox: [] };
    await superadmins.updateOne({ _id: 'superadmins' }, { $setOnInsert: nobodyYet }, { upsert: true });
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection('superadmins');
  },
};
