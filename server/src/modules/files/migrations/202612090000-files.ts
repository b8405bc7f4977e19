import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('files')
      .ifNotExists()
      .addColumn('id', columns.id(), (column) => column.primaryKey().notNull())
      .addColumn('user_id', columns.id(), required)
      .addColumn('purpose', columns.text(16), required)
      .addColumn('filename', columns.text(255), required)
      .addColumn('content_type', columns.text(255), required)
      .addColumn('size', columns.int(), required)
      .addColumn('sha256', columns.text(64))
      .addColumn('status', columns.text(16), required)
      .addColumn('upload_id', columns.text(1024))
      .addColumn('part_size', columns.int())
      .addColumn('object_key', columns.text(128))
      .addColumn('tend_at', columns.time())
      .addColumn('created_at', columns.time(), required)
      .addColumn('updated_at', columns.time(), required)
      .addColumn('version', columns.int(), required)
      .execute();
    await createIndex(db, columns, { name: 'files_user_id_id', table: 'files', on: ['user_id', 'id'] });
    await createIndex(db, columns, { name: 'files_tend_at', table: 'files', on: ['tend_at'] });
  },
  async down(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropTable('files').ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('files').createIndexes([
      { name: 'files_user_id_id', key: { userId: 1, _id: 1 } },
      { name: 'files_tend_at', key: { tendAt: 1 }, partialFilterExpression: { tendAt: { $type: 'date' } } },
      {
        name: 'files_outbox_id',
        key: { 'outbox._id': 1 },
        partialFilterExpression: { 'outbox._id': { $exists: true } },
      },
    ]);
  },
  async down(db: Db): Promise<void> {
    await db.dropCollection('files');
  },
};
