import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

/** The index by which the sweep finds documents that still carry an event; it contains no others. */
const OUTBOX = {
  name: 'outbox',
  key: { 'outbox._id': 1 },
  partialFilterExpression: { 'outbox._id': { $exists: true } },
} as const;

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('registrations')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('email', columns.text(320), required)
      .addColumn('email_norm', columns.text(320), required)
      .addColumn('username', columns.text(64))
      .addColumn('full_name', columns.text(400))
      .addColumn('phone', columns.text(64))
      .addColumn('locale', columns.text(64))
      .addColumn('password_hash', columns.text(512), required)
      .addColumn('code_id', columns.id(), required)
      .addColumn('key_id', columns.text(64), required)
      .addColumn('code_expires_at', columns.time(), required)
      .addColumn('tries', columns.int(), required)
      .addColumn('sent_at', columns.json(), required)
      .addColumn('created_at', columns.time(), required)
      .addColumn('version', columns.int(), required)
      .execute();
    await createIndex(db, columns, {
      name: 'registrations_email_norm_created_at',
      table: 'registrations',
      on: ['email_norm', 'created_at'],
    });
    await db.schema
      .createTable('challenges')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('purpose', columns.text(40), required)
      .addColumn('email', columns.text(320), required)
      .addColumn('email_norm', columns.text(320), required)
      .addColumn('key_id', columns.text(64), required)
      .addColumn('expires_at', columns.time(), required)
      .addColumn('created_at', columns.time(), required)
      .execute();
    await createIndex(db, columns, {
      name: 'challenges_email_norm_created_at',
      table: 'challenges',
      on: ['email_norm', 'created_at'],
    });
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('challenges').ifExists().execute();
    await db.schema.dropTable('registrations').ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    const byAddress = { emailNorm: 1, createdAt: 1 } as const;
    await db
      .collection('registrations')
      .createIndexes([{ name: 'registrations_email_norm_created_at', key: byAddress }, OUTBOX]);
    await db
      .collection('challenges')
      .createIndexes([{ name: 'challenges_email_norm_created_at', key: byAddress }, OUTBOX]);
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection('challenges');
    await db.dropCollection('registrations');
  },
};
