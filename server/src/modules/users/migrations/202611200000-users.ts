import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

/** For the sweep: contains only the documents that still carry an event. */
const OUTBOX = {
  name: 'outbox',
  key: { 'outbox._id': 1 },
  partialFilterExpression: { 'outbox._id': { $exists: true } },
} as const;

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('users')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('email', columns.text(320))
      .addColumn('email_norm', columns.text(320))
      .addColumn('email_verified', columns.bool(), required)
      .addColumn('username', columns.text(64))
      .addColumn('username_key', columns.text(64))
      .addColumn('full_name', columns.text(400))
      .addColumn('phone', columns.text(64))
      .addColumn('locale', columns.text(64))
      .addColumn('profile', columns.json(), required)
      .addColumn('profile_public', columns.bool(), required)
      .addColumn('status', columns.text(20), required)
      .addColumn('role_ids', columns.json(), required)
      .addColumn('password_hash', columns.text(512))
      .addColumn('password_version', columns.int(), required)
      .addColumn('must_change_password', columns.bool(), required)
      .addColumn('session_epoch', columns.int(), required)
      .addColumn('kept_session_id', columns.id())
      .addColumn('email_change_id', columns.id())
      .addColumn('email_change_key_id', columns.text(64))
      .addColumn('email_change_email', columns.text(320))
      .addColumn('email_change_email_norm', columns.text(320))
      .addColumn('email_change_expires_at', columns.time())
      .addColumn('email_change_tries', columns.int(), required)
      .addColumn('last_login_at', columns.time())
      .addColumn('deleted_at', columns.time())
      .addColumn('created_at', columns.time(), required)
      .addColumn('updated_at', columns.time(), required)
      .addColumn('version', columns.int(), required)
      .execute();
    // Null after an erasure: a unique index ignores those rows.
    await createIndex(db, columns, { name: 'users_email_norm', table: 'users', on: ['email_norm'], unique: true });
    await createIndex(db, columns, { name: 'users_username_key', table: 'users', on: ['username_key'], unique: true });
  },

  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('users').ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('users').createIndexes([
      // `$gte: ''` is any text, but not null. Unlike with `$type`, the planner sees that a search for a text implies it.
      {
        name: 'users_email_norm',
        key: { emailNorm: 1 },
        unique: true,
        partialFilterExpression: { emailNorm: { $gte: '' } },
      },
      {
        name: 'users_username_key',
        key: { usernameKey: 1 },
        unique: true,
        partialFilterExpression: { usernameKey: { $gte: '' } },
      },
      OUTBOX,
    ]);
  },

  async down(db: Db): Promise<void> {
    await db.dropCollection('users');
  },
};
