import { type ColumnDefinitionBuilder, type Columns, createIndex, type Db, type Kysely } from 'ostiary';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('sites')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('name', columns.text(100), required)
      .addColumn('created_at', columns.time(), required)
      .addColumn('updated_at', columns.time(), required)
      .addColumn('version', columns.int(), required)
      .execute();
    await db.schema
      .createTable('sites_users')
      .ifNotExists()
      .addColumn('site_id', columns.id(), required)
      .addColumn('user_id', columns.id(), required)
      .addPrimaryKeyConstraint('sites_users_pk', ['site_id', 'user_id'])
      .execute();
    await createIndex(db, columns, { name: 'sites_users_user_id', table: 'sites_users', on: ['user_id'] });
    await db.schema
      .createTable('sites_violations')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('site_id', columns.id(), required)
      .addColumn('text', columns.longText(), required)
      .addColumn('status', columns.text(10), required)
      .addColumn('reported_by', columns.id())
      .addColumn('created_at', columns.time(), required)
      .addColumn('updated_at', columns.time(), required)
      .addColumn('version', columns.int(), required)
      .execute();
    const violations = { table: 'sites_violations' };
    await createIndex(db, columns, { ...violations, name: 'sites_violations_site', on: ['site_id', 'status', 'id'] });
    await createIndex(db, columns, { ...violations, name: 'sites_violations_reporter', on: ['reported_by'] });
    await db.schema
      .createTable('sites_evidence')
      .ifNotExists()
      .addColumn('violation_id', columns.id(), required)
      .addColumn('file_id', columns.id(), required)
      .addColumn('owner_id', columns.id(), required)
      .addPrimaryKeyConstraint('sites_evidence_pk', ['violation_id', 'file_id'])
      .execute();
    await createIndex(db, columns, { name: 'sites_evidence_owner', table: 'sites_evidence', on: ['owner_id'] });
  },

  async down(db: Kysely<unknown>): Promise<void> {
    for (const table of ['sites_evidence', 'sites_violations', 'sites_users', 'sites']) {
      await db.schema.dropTable(table).ifExists().execute();
    }
  },
};

const OUTBOX = { key: { 'outbox._id': 1 }, partialFilterExpression: { 'outbox._id': { $exists: true } } } as const;

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('sites').createIndexes([
      { name: 'sites_user_ids', key: { userIds: 1, _id: 1 } },
      { name: 'sites_outbox', ...OUTBOX },
    ]);
    await db.collection('sites_violations').createIndexes([
      { name: 'sites_violations_site', key: { siteId: 1, status: 1, _id: 1 } },
      { name: 'sites_violations_reporter', key: { reportedBy: 1 } },
      { name: 'sites_violations_owner', key: { 'evidence.ownerId': 1 } },
      { name: 'sites_violations_outbox', ...OUTBOX },
    ]);
  },

  async down(db: Db): Promise<void> {
    for (const name of ['sites_violations', 'sites']) await db.dropCollection(name);
  },
};
