import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { sql } from 'kysely';
import { connectDatabase, sqlOf } from './database.ts';
import { createSharedCommits, type Neighbours, type SharedCommits } from './sqlite-commits.ts';

interface Tables {
  notes: { id: number; text: string };
}

const alone = (): Neighbours => ({ last: Promise.resolve(), letGo: new Set() });

interface Side {
  database: DatabaseSync;
  shared: SharedCommits;
}

/** A database whose `commit` can be made to fail, and is counted. */
function openCounted(t: TestContext) {
  const database = new DatabaseSync(':memory:');
  t.after(() => database.close());
  database.exec('create table notes (id integer primary key, text text not null)');
  let commits = 0;
  let failsWith: Error | null = null;
  const exec = database.exec.bind(database);
  t.mock.method(database, 'exec', (text: string) => {
    if (text === 'commit') {
      commits += 1;
      if (failsWith) throw failsWith;
    }
    exec(text);
  });
  const insert = database.prepare('insert into notes (id, text) values (?, ?)');
  return {
    database,
    shared: createSharedCommits(database, alone()),
    add: (id: number) => insert.run(id, `note ${id}`),
    ids: () =>
      database
        .prepare('select id from notes order by id')
        .all()
        .map(({ id }) => Number(id)),
    commits: () => commits,
    fail(error: Error | null) {
      failsWith = error;
    },
  };
}

test('transactions of one turn share one commit, and none is answered before it', async (t) => {
  const { shared, add, ids, commits } = openCounted(t);
  const answered: number[] = [];
  const all = [1, 2, 3, 4].map((id) => {
    const transaction = shared.begin();
    add(id);
    return transaction.commit().then(() => answered.push(id));
  });
  await Promise.resolve();
  assert.deepEqual([answered, commits()], [[], 0]);
  await Promise.all(all);
  assert.deepEqual([answered, commits(), ids()], [[1, 2, 3, 4], 1, [1, 2, 3, 4]]);
  const later = shared.begin();
  add(5);
  await later.commit();
  assert.equal(commits(), 2);
});

test('one that is rolled back takes nothing of the others with it, and what it stumbled over is durable then', async (t) => {
  const { shared, add, ids, commits } = openCounted(t);
  const first = shared.begin();
  add(1);
  const done = first.commit();
  const second = shared.begin();
  add(2);
  assert.throws(() => add(1), /UNIQUE/);
  second.rollback();
  assert.equal(commits(), 1);
  const third = shared.begin();
  add(3);
  await Promise.all([done, third.commit()]);
  assert.deepEqual(ids(), [1, 3]);
});

test('a first that is rolled back leaves nothing open', async (t) => {
  const { database, shared, add, ids } = openCounted(t);
  const first = shared.begin();
  add(1);
  first.rollback();
  assert.deepEqual([database.isTransaction, ids()], [false, []]);
});

test('a commit that fails fails for all who wait for it, and leaves nothing of them', async (t) => {
  const { database, shared, add, ids, fail } = openCounted(t);
  fail(new Error('database or disk is full'));
  const all = [1, 2].map((id) => {
    const transaction = shared.begin();
    add(id);
    return transaction.commit();
  });
  const results = await Promise.allSettled(all);
  assert.ok(results.every(({ status }) => status === 'rejected'));
  assert.deepEqual([database.isTransaction, ids()], [false, []]);
  fail(null);
  const next = shared.begin();
  add(3);
  await next.commit();
  assert.deepEqual(ids(), [3]);
});

test('where SQLite rolled everything back by itself, all who wait are told', async (t) => {
  const { database, shared, add, ids } = openCounted(t);
  const first = shared.begin();
  add(1);
  const done = first.commit();
  const second = shared.begin();
  database.exec('rollback');
  const cause = new Error('database or disk is full');
  shared.failed(cause);
  second.rollback();
  await assert.rejects(done, cause);
  assert.deepEqual(ids(), []);
});

test('whoever is under way when the turn ends is the last of that commit', async (t) => {
  const { shared, add, commits } = openCounted(t);
  const first = shared.begin();
  add(1);
  let isDone = false;
  void first.commit().then(() => {
    isDone = true;
  });
  const second = shared.begin();
  add(2);
  await turn();
  await turn();
  assert.deepEqual([isDone, commits()], [false, 0], 'half of the second must not be committed');
  await second.commit();
  assert.deepEqual([isDone, commits()], [true, 1]);
});

test('a database that is closed under way commits no half of a transaction', async (t) => {
  const { database, shared, add, ids } = openCounted(t);
  const first = shared.begin();
  add(1);
  const done = first.commit();
  shared.begin();
  add(2);
  shared.end();
  await assert.rejects(done, /closed/);
  database.exec('rollback');
  assert.deepEqual(ids(), []);
});

test('two connections of one process to one file do not wait for each other', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'ostiary-shared-'));
  const file = join(dir, 'notes.db');
  const neighbours = alone();
  const [one, two] = [0, 1].map(() => {
    const database = new DatabaseSync(file, { timeout: 0 });
    database.exec('pragma journal_mode = wal; create table if not exists notes (id integer primary key)');
    return { database, shared: createSharedCommits(database, neighbours) };
  }) as [Side, Side];
  t.after(() => {
    for (const { database, shared } of [one, two]) {
      shared.end();
      database.close();
    }
    rmSync(dir, { recursive: true });
  });
  const first = one.shared.begin();
  one.database.exec('insert into notes values (1)');
  const committed = first.commit();
  // Without waiting for a turn of the loop, in which the first would have committed by itself.
  const second = two.shared.begin();
  two.database.exec('insert into notes values (2)');
  await Promise.all([committed, second.commit()]);
  assert.equal(one.database.prepare('select count(*) as n from notes').get()?.n, 2);
  // Whoever is under way keeps the lock: half of it must not be committed.
  const third = one.shared.begin();
  assert.throws(() => two.shared.begin(), /locked/);
  third.rollback();
});

test('a read outside of transactions sees what is committed and nothing else', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ostiary-shared-'));
  const url = `sqlite:${join(dir, 'notes.db')}`;
  const opened = await connectDatabase({ url, poolSize: 1, slowQuery: 60_000, log: { warn() {} } });
  const { db, transaction, close } = sqlOf<Tables>(opened);
  try {
    await sql`create table notes (id integer primary key, text text not null)`.execute(db);
    const known = () => db.selectFrom('notes').select('id').execute();
    let answered = 0;
    const all = Array.from({ length: 40 }, (_, id) =>
      transaction((trx) => trx.insertInto('notes').values({ id, text: 'x' }).execute()).then(() => {
        answered += 1;
      }),
    );
    const reads = Array.from({ length: 40 }, async () => {
      const rows = await known();
      // Commits come before their answers: never fewer rows than answers at the time of the question.
      return rows.length;
    });
    await Promise.all(all);
    const seen = await Promise.all(reads);
    assert.equal(answered, 40);
    assert.equal((await known()).length, 40);
    assert.ok(
      seen.every((count, i) => count >= (seen[i - 1] ?? 0)),
      'what was seen once stays',
    );
    await assert.rejects(
      transaction(async (trx) => {
        await trx.insertInto('notes').values({ id: 99, text: 'x' }).execute();
        assert.equal((await known().catch(() => [])).length, 0, 'the outer database is refused in a transaction');
        throw new Error('no');
      }),
      /no/,
    );
    assert.equal((await known()).length, 40);
  } finally {
    await close();
    rmSync(dir, { recursive: true });
  }
});
