import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

/** Sparse: holds only documents that still carry an event, for the sweep to find. */
const OUTBOX = {
  name: 'outbox',
  key: { 'outbox._id': 1 },
  partialFilterExpression: { 'outbox._id': { $exists: true } },
} as const;

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('sessions')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('user_id', columns.id(), required)
      .addColumn('client_id', columns.text(200), required)
      .addColumn('epoch', columns.int(), required)
      .addColumn('generation', columns.int(), required)
      .addColumn('token_hash', columns.text(64), required)
      .addColumn('previous_hash', columns.text(64))
      .addColumn('rotation_nonce', columns.text(128))
      .addColumn('rotated_at', columns.time(), required)
      .addColumn('generation_used', columns.bool(), required)
      .addColumn('amr', columns.json(), required)
      .addColumn('auth_time', columns.time(), required)
      .addColumn('device', columns.json(), required)
      .addColumn('ip', columns.text(64), required)
      .addColumn('network', columns.text(64), required)
      .addColumn('country', columns.text(2))
      .addColumn('created_at', columns.time(), required)
      .addColumn('last_seen_at', columns.time(), required)
      .addColumn('idle_expires_at', columns.time(), required)
      .addColumn('expires_at', columns.time(), required)
      .addColumn('ended_at', columns.time())
      .addColumn('end_reason', columns.text(80))
      .addColumn('version', columns.int(), required)
      .execute();
    await createIndex(db, columns, {
      name: 'sessions_user_id_created_at_id',
      table: 'sessions',
      on: ['user_id', 'created_at', 'id'],
    });
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('sessions').ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db
      .collection('sessions')
      .createIndexes([{ name: 'sessions_user_id_created_at_id', key: { userId: 1, createdAt: 1, _id: 1 } }, OUTBOX]);
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection('sessions');
  },
};
