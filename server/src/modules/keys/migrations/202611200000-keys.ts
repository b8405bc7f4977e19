import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

/** The sweep finds by it the documents that still carry an event; the others are not in it. */
const OUTBOX = {
  name: 'outbox',
  key: { 'outbox._id': 1 },
  partialFilterExpression: { 'outbox._id': { $exists: true } },
} as const;

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('signing_keys')
      .ifNotExists()
      .addColumn('id', columns.text(64), key)
      .addColumn('algorithm', columns.text(20), required)
      .addColumn('status', columns.text(20), required)
      .addColumn('active_slot', columns.text(20))
      .addColumn('public_jwk', columns.json(), required)
      .addColumn('sealed_private_key', columns.longText(), required)
      .addColumn('created_at', columns.time(), required)
      .addColumn('activated_at', columns.time())
      .addColumn('retired_at', columns.time())
      .addColumn('version', columns.int(), required)
      .execute();
    await createIndex(db, columns, {
      name: 'signing_keys_active_slot',
      table: 'signing_keys',
      on: ['active_slot'],
      unique: true,
    });
    await db.schema
      .createTable('secret_checks')
      .ifNotExists()
      .addColumn('place', columns.int(), key)
      .addColumn('key_id', columns.text(64), required)
      .addColumn('value', columns.text(512), required)
      .addColumn('created_at', columns.time(), required)
      .execute();
    // Of instances that add the same key at once, one does.
    await createIndex(db, columns, {
      name: 'secret_checks_key_id',
      table: 'secret_checks',
      on: ['key_id'],
      unique: true,
    });
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('secret_checks').ifExists().execute();
    await db.schema.dropTable('signing_keys').ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('signing_keys').createIndexes([
      {
        name: 'signing_keys_active_slot',
        key: { activeSlot: 1 },
        unique: true,
        // Any text, no null: retired keys do not collide.
        partialFilterExpression: { activeSlot: { $gte: '' } },
      },
      OUTBOX,
    ]);
    await db.collection('secret_checks').createIndex({ keyId: 1 }, { name: 'secret_checks_key_id', unique: true });
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection('secret_checks');
    await db.dropCollection('signing_keys');
  },
};
