import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectDatabase, type SqlDatabase, sqlOf } from './database.ts';
import { prepared, preparedInsert } from './prepared.ts';

interface Tables {
  notes: { id: string; text: string | null; at: string };
}

let database: SqlDatabase<Tables>;

before(async () => {
  database = sqlOf<Tables>(
    await connectDatabase({ url: 'sqlite::memory:', poolSize: 1, slowQuery: 1000, log: { warn() {} } }),
  );
  await database.db.schema
    .createTable('notes')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('text', 'text')
    .addColumn('at', 'text', (column) => column.notNull())
    .execute();
});

after(() => database.close());

test('a statement is built once, and each time has its own values', async () => {
  const { db } = database;
  const insert = preparedInsert(db, 'notes');
  await db.executeQuery(insert.with({ id: 'a', text: 'first', at: '1' }));
  await db.executeQuery(insert.with({ at: '2', text: null, id: 'b' }));

  let built = 0;
  const change = prepared((to: { text: string | null; from: string; id: string }) => {
    built += 1;
    return db
      .updateTable('notes')
      .set({ text: to.text, at: to.from })
      .where('id', '=', to.id)
      .where('at', '<=', to.from)
      .where('id', '<>', 'constant');
  });
  assert.equal((await db.executeQuery(change.with({ id: 'a', from: '5', text: 'changed' }))).numAffectedRows, 1n);
  assert.equal((await db.executeQuery(change.with({ id: 'b', from: '6', text: null }))).numAffectedRows, 1n);
  assert.equal((await db.executeQuery(change.with({ id: 'b', from: '1', text: 'lost' }))).numAffectedRows, 0n);
  assert.equal(built, 1);
  const rows = await db.selectFrom('notes').selectAll().orderBy('id').execute();
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      { id: 'a', text: 'changed', at: '5' },
      { id: 'b', text: null, at: '6' },
    ],
  );
});

test('values that are absent, and rows that differ in their columns, are refused', async () => {
  const { db } = database;
  const find = prepared((by: { id: string }) => db.selectFrom('notes').selectAll().where('id', '=', by.id));
  await assert.rejects(async () => db.executeQuery(find.with({} as { id: string })), TypeError);

  const insert = preparedInsert(db, 'notes');
  insert.with({ id: 'c', at: '1' } as Tables['notes']);
  assert.throws(() => insert.with({ id: 'd', at: '1', text: 'more than the first' }), TypeError);
});
