import { type ColumnDefinitionBuilder, type Kysely, sql as raw } from 'kysely';
import type { Db } from 'mongodb';
import { type Columns, createIndex } from '../../../platform/database/columns.ts';

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const key = (column: ColumnDefinitionBuilder) => column.primaryKey().notNull();

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('jobs')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('name', columns.text(60), required)
      .addColumn('args', columns.json(), required)
      .addColumn('state', columns.text(10), required)
      .addColumn('priority', columns.int(), required)
      .addColumn('unique_key', columns.text(200))
      .addColumn('unique_slot', columns.text(261))
      .addColumn('attempts', columns.int(), required)
      .addColumn('retries', columns.int(), required)
      .addColumn('deaths', columns.int(), required)
      .addColumn('claim', columns.id())
      .addColumn('cancel_requested', columns.bool(), required)
      .addColumn('progress', columns.int())
      .addColumn('log', columns.json(), required)
      .addColumn('result', columns.json())
      .addColumn('failure', columns.json())
      .addColumn('created_at', columns.time(), required)
      .addColumn('due_at', columns.time())
      .addColumn('started_at', columns.time())
      .addColumn('finished_at', columns.time())
      .execute();
    const ended = raw<boolean>`finished_at is not null`;
    const due = raw<boolean>`due_at is not null`;
    const waiting = raw<boolean>`state = 'waiting'`;
    const table = 'jobs';
    await createIndex(db, columns, { name: 'jobs_unique_slot', table, on: ['unique_slot'], unique: true });
    await createIndex(db, columns, {
      name: 'jobs_name_state_priority_due_at_id',
      table,
      where: waiting,
      on: ['name', 'state', 'priority', 'due_at', 'id'],
    });
    await createIndex(db, columns, { name: 'jobs_state_due_at', table, on: ['state', 'due_at'], where: due });
    await createIndex(db, columns, {
      name: 'jobs_state_finished_at',
      table,
      on: ['state', 'finished_at'],
      where: ended,
    });
    await createIndex(db, columns, { name: 'jobs_created_at_id', table, on: ['created_at', 'id'] });
    await db.schema.createTable('paused_queues').ifNotExists().addColumn('name', columns.text(60), key).execute();
    await db.schema
      .createTable('workers')
      .ifNotExists()
      .addColumn('id', columns.id(), key)
      .addColumn('host', columns.text(255), required)
      .addColumn('pid', columns.int(), required)
      .addColumn('started_at', columns.time(), required)
      .addColumn('seen_at', columns.time(), required)
      .addColumn('active', columns.int(), required)
      .addColumn('names', columns.json(), required)
      .execute();
  },

  async down(db: Kysely<unknown>): Promise<void> {
    for (const table of ['workers', 'paused_queues', 'jobs']) await db.schema.dropTable(table).ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('jobs').createIndexes([
      {
        name: 'jobs_unique_slot',
        key: { uniqueSlot: 1 },
        unique: true,
        partialFilterExpression: { uniqueSlot: { $type: 'string' } },
      },
      { name: 'jobs_name_state_priority_due_at_id', key: { name: 1, state: 1, priority: 1, dueAt: 1, _id: 1 } },
      { name: 'jobs_state_due_at', key: { state: 1, dueAt: 1 } },
      { name: 'jobs_state_finished_at', key: { state: 1, finishedAt: 1 } },
      { name: 'jobs_created_at_id', key: { createdAt: 1, _id: 1 } },
    ]);
  },

  async down(db: Db): Promise<void> {
    for (const name of ['workers', 'paused_queues', 'jobs']) await db.dropCollection(name);
  },
};
