import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('api_keys')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('kind', columns.text(8), required)
      .addColumn('subject_id', columns.id(), required)
      .addColumn('organization_id', columns.id())
      .addColumn('name', columns.text(100), required)
      .addColumn('hash', columns.text(64), required)
      .addColumn('previous_hash', columns.text(64))
      .addColumn('previous_until', columns.time())
      .addColumn('scopes', columns.json(), required)
      .addColumn('wide', columns.bool(), required)
      .addColumn('networks', columns.json(), required)
      .addColumn('rate_max', columns.int())
      .addColumn('rate_window_seconds', columns.int())
      .addColumn('aal', columns.int(), required)
      .addColumn('phishing_resistant', columns.bool(), required)
      .addColumn('grant_epoch', columns.int(), required)
      .addColumn('created_by', columns.id())
      .addColumn('expires_at', columns.time(), required)
      .addColumn('remind_at', columns.time())
      .addColumn('revoked_at', columns.time())
      .addColumn('revoke_reason', columns.text(32))
      .addColumn('last_used_at', columns.time())
      .addColumn('last_used_ip', columns.text(64))
      .addColumn('last_used_agent', columns.text(255))
      .addColumn('seen_networks', columns.json(), required)
      .addColumn('network_told_at', columns.time())
      .addColumn('refusal_told_at', columns.time())
      .addColumn('created_at', columns.time(), required)
      .addColumn('updated_at', columns.time(), required)
      .addColumn('version', columns.int(), required)
      .execute();
    await createIndex(db, columns, { name: 'api_keys_subject_id_id', table: 'api_keys', on: ['subject_id', 'id'] });
    await createIndex(db, columns, { name: 'api_keys_remind_at', table: 'api_keys', on: ['remind_at'] });
    await createIndex(db, columns, { name: 'api_keys_expires_at', table: 'api_keys', on: ['expires_at'] });
    await db.schema
      .createTable('service_accounts')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('name', columns.text(100), required)
      .addColumn('description', columns.text(500))
      .addColumn('enabled', columns.bool(), required)
      .addColumn('role_ids', columns.json(), required)
      .addColumn('owner_ids', columns.json(), required)
      .addColumn('created_at', columns.time(), required)
      .addColumn('updated_at', columns.time(), required)
      .addColumn('version', columns.int(), required)
      .execute();
  },
  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('service_accounts').ifExists().execute();
    await db.schema.dropTable('api_keys').ifExists().execute();
  },
};

const OUTBOX = {
  key: { 'outbox._id': 1 },
  partialFilterExpression: { 'outbox._id': { $exists: true } },
} as const;

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('api_keys').createIndexes([
      { name: 'api_keys_subject_id_id', key: { subjectId: 1, _id: 1 } },
      { name: 'api_keys_remind_at', key: { remindAt: 1 }, partialFilterExpression: { remindAt: { $type: 'date' } } },
      { name: 'api_keys_expires_at', key: { expiresAt: 1 } },
      { name: 'api_keys_outbox_id', ...OUTBOX },
    ]);
    await db.collection('service_accounts').createIndexes([{ name: 'service_accounts_outbox_id', ...OUTBOX }]);
  },
  async down(db: Db): Promise<void> {
    await db.dropCollection('service_accounts');
    await db.dropCollection('api_keys');
  },
};
