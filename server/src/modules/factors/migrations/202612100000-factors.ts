import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const TABLES = ['factor_passkeys', 'factor_totp', 'factors'];

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('factors')
      .ifNotExists()
      .addColumn('user_id', columns.id(), (column) => column.primaryKey().notNull())
      .addColumn('handle', columns.text(64), required)
      .addColumn('recovery', columns.json())
      .addColumn('trusted', columns.json(), required)
      .addColumn('reset_at', columns.time())
      .addColumn('credential_epoch', columns.int(), required)
      .addColumn('version', columns.int(), required)
      .execute();
    await createIndex(db, columns, { name: 'factors_handle', table: 'factors', on: ['handle'], unique: true });
    await createIndex(db, columns, { name: 'factors_reset_at', table: 'factors', on: ['reset_at'] });

    await db.schema
      .createTable('factor_passkeys')
      .ifNotExists()
      .addColumn('id', columns.id(), (column) => column.primaryKey().notNull())
      .addColumn('user_id', columns.id(), required)
      .addColumn('credential_id', columns.longText(), required)
      // Credential ids are longer than MySQL can index.
      .addColumn('credential_hash', columns.text(43), required)
      .addColumn('public_key', columns.longText(), required)
      .addColumn('algorithm', columns.int(), required)
      .addColumn('counter', columns.int(), required)
      .addColumn('name', columns.text(255), required)
      .addColumn('aaguid', columns.text(36), required)
      .addColumn('device_type', columns.text(16), required)
      .addColumn('backed_up', columns.bool(), required)
      .addColumn('transports', columns.json(), required)
      .addColumn('created_at', columns.time(), required)
      .addColumn('last_used_at', columns.time())
      .addColumn('last_device', columns.text(255))
      .execute();
    await createIndex(db, columns, {
      name: 'factor_passkeys_credential_hash',
      table: 'factor_passkeys',
      on: ['credential_hash'],
      unique: true,
    });
    await createIndex(db, columns, { name: 'factor_passkeys_user_id', table: 'factor_passkeys', on: ['user_id'] });

    await db.schema
      .createTable('factor_totp')
      .ifNotExists()
      .addColumn('id', columns.id(), (column) => column.primaryKey().notNull())
      .addColumn('user_id', columns.id(), required)
      .addColumn('name', columns.text(255), required)
      .addColumn('sealed_secret', columns.text(255), required)
      .addColumn('last_step', columns.int(), required)
      .addColumn('created_at', columns.time(), required)
      .addColumn('last_used_at', columns.time())
      .execute();
    await createIndex(db, columns, { name: 'factor_totp_user_id', table: 'factor_totp', on: ['user_id'] });
  },
  async down(db: Kysely<unknown>): Promise<void> {
    for (const table of TABLES) await db.schema.dropTable(table).ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('factors').createIndexes([
      { name: 'factors_handle', key: { handle: 1 }, unique: true },
      {
        name: 'factors_credential_id',
        key: { 'passkeys.credentialId': 1 },
        unique: true,
        partialFilterExpression: { 'passkeys.credentialId': { $exists: true } },
      },
      { name: 'factors_reset_at', key: { resetAt: 1 }, partialFilterExpression: { resetAt: { $type: 'date' } } },
      {
        name: 'factors_outbox_id',
        key: { 'outbox._id': 1 },
        partialFilterExpression: { 'outbox._id': { $exists: true } },
      },
    ]);
  },
  async down(db: Db): Promise<void> {
    await db.dropCollection('factors');
  },
};
