import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { sql } from 'kysely';
import { testDatabases } from '../../../test/databases.ts';
import { AppError } from '../errors.ts';
import { columnsOf, createIndex } from './columns.ts';
import {
  clockSkew,
  connectDatabase,
  type Database,
  mongoOf,
  type SqlDatabase,
  sqlOf,
  uniqueViolation,
} from './database.ts';

interface Tables {
  things: {
    id: string;
    name: string | null;
    at: Date | string;
    count: number | bigint;
    flag: boolean | number;
    data: string;
  };
  counters: { id: string; value: number };
}

const NOW = new Date('2026-03-01T12:34:56.789Z');
const ids = (n: number) => `0195a1b2-0000-7000-8000-${String(n).padStart(12, '0')}`;
const thing = (n: number, name: string | null) => ({
  id: ids(n),
  name,
  at: NOW,
  count: 1,
  flag: true,
  data: '{"a":[1]}',
});

const DEADLINE = 60_000;

for (const { name, emptyUrl } of testDatabases()) {
  describe(`${name}: database`, { timeout: DEADLINE }, () => {
    let database: Database;
    let drop: () => Promise<void>;
    const logged: { fields: object; message: string }[] = [];
    const log = { warn: (fields: object, message: string) => void logged.push({ fields, message }) };

    before(async () => {
      const fresh = await emptyUrl();
      drop = fresh.drop;
      database = await connectDatabase({ url: fresh.url, poolSize: 8, slowQuery: 0, log });
    });
    after(async () => {
      await database.close();
      await drop();
    });

    it('names its product and version, and tells its time', async () => {
      assert.match(database.name, /^(SQLite|PostgreSQL|MySQL|MariaDB|MongoDB) \d+\./);
      const { now } = await database.ping();
      assert.ok(Math.abs(now.getTime() - Date.now()) < 60_000);
    });

    it('measures how far a clock is behind the database', async () => {
      const hourBehind = () => new Date(Date.now() - 3_600_000);
      const skew = await clockSkew(database, hourBehind);
      if (name === 'sqlite') assert.equal(skew, 0);
      else assert.ok(Math.abs(skew - 3_600_000) < 60_000, `${skew}`);
    });

    it('gives itself only to stores of its kind', () => {
      assert.throws(() => (name === 'mongodb' ? sqlOf(database) : mongoOf(database)), TypeError);
    });

    if (name === 'mongodb') mongoTests(() => mongoOf(database).db, logged);
    else sqlTests(() => sqlOf<Tables>(database), logged);
  });
}

function sqlTests(get: () => SqlDatabase<Tables>, logged: { fields: object; message: string }[]) {
  before(async () => {
    const { db } = get();
    const columns = columnsOf(get());
    await db.schema
      .createTable('things')
      .addColumn('id', columns.id(), (column) => column.primaryKey())
      .addColumn('name', columns.text(190))
      .addColumn('at', columns.time(), (column) => column.notNull())
      .addColumn('count', columns.int(), (column) => column.notNull())
      .addColumn('flag', columns.bool(), (column) => column.notNull())
      .addColumn('data', columns.json(), (column) => column.notNull())
      .execute();
    await createIndex(db, columns, { name: 'things_name', table: 'things', on: ['name'], unique: true });
    await createIndex(db, columns, { name: 'things_at', table: 'things', on: ['at'], where: sql`name is not null` });
    await db.schema
      .createTable('counters')
      .addColumn('id', columns.text(40), (column) => column.primaryKey())
      .addColumn('value', columns.int(), (column) => column.notNull())
      .execute();
  });

  it('gives back what was written', async () => {
    const { db } = get();
    await db.insertInto('things').values(thing(1, 'Ünïcode 🜁 \' " \\ % ;--')).execute();
    const row = await db.selectFrom('things').selectAll().where('id', '=', ids(1)).executeTakeFirstOrThrow();
    assert.equal(new Date(row.at).getTime(), NOW.getTime());
    assert.deepEqual({ ...row, at: NOW, flag: Boolean(row.flag) }, { ...thing(1, 'Ünïcode 🜁 \' " \\ % ;--') });
    const found = await db.selectFrom('things').select('id').where('at', '=', NOW).execute();
    assert.equal(found.length, 1);
  });

  it('counts and sums as numbers, and never rounds a large integer in silence', async () => {
    const { db } = get();
    const large = 2 ** 53 - 1;
    await db
      .insertInto('things')
      .values({ ...thing(2, 'large'), count: large })
      .execute();
    const { count } = await db.selectFrom('things').select('count').where('id', '=', ids(2)).executeTakeFirstOrThrow();
    assert.equal(count, large);
    const { rows, sum } = await db
      .selectFrom('things')
      .select([db.fn.countAll().as('rows'), db.fn.sum('count').as('sum')])
      .where('name', '=', 'large')
      .executeTakeFirstOrThrow();
    assert.deepEqual([rows, sum], [1, large]);

    await db.updateTable('things').set({ count: 9_007_199_254_740_993n }).where('id', '=', ids(2)).execute();
    const read = db.selectFrom('things').select('count').where('id', '=', ids(2)).executeTakeFirstOrThrow();
    const exact = await read.then(
      ({ count }) => String(count),
      () => 'refused',
    );
    assert.ok(['9007199254740993', 'refused'].includes(exact), exact);
    await db.deleteFrom('things').where('id', '=', ids(2)).execute();
  });

  it('compares text by its bytes: case and trailing spaces tell apart', async () => {
    const { db } = get();
    const names = ['ß', 'x ', 'x', '\u00c9', 'E\u0301', 'X', 'ss'];
    await db
      .insertInto('things')
      .values(names.map((name, n) => thing(10 + n, name)))
      .execute();
    for (const name of names) {
      const rows = await db.selectFrom('things').select('name').where('name', '=', name).execute();
      assert.deepEqual(
        rows.map((row) => row.name),
        [name],
      );
    }
    const sorted = await db.selectFrom('things').select('name').where('name', 'in', names).orderBy('name').execute();
    const byBytes = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(
      sorted.map((row) => row.name),
      byBytes,
    );
  });

  it('says which uniqueness was violated', async () => {
    const { db } = get();
    await db.insertInto('things').values(thing(20, "taken for key 'other'")).execute();
    const insert = (n: number, name: string) => db.insertInto('things').values(thing(n, name)).execute();
    const same = await insert(21, "taken for key 'other'").then(() => null, uniqueViolation);
    assert.match(same ?? '', /^things[._]name$/);
    const sameId = await insert(20, 'free').then(() => null, uniqueViolation);
    assert.ok(sameId !== null && !sameId.includes('name'), `${sameId}`);
    const other = await sql`select nothing from nowhere`.execute(db).then(() => 'no error', uniqueViolation);
    assert.equal(other, null);
    await db
      .insertInto('things')
      .values([thing(22, null), thing(23, null)])
      .execute();
  });

  it('keeps what people wrote out of its errors', async () => {
    const { db } = get();
    await db.insertInto('things').values(thing(30, 'a secret')).execute();
    const failures = await Promise.allSettled([
      db.insertInto('things').values(thing(31, 'a secret')).execute(),
      sql`select ${'a secret'} as s from nowhere`.execute(db),
    ]);
    for (const failure of failures) {
      assert.equal(failure.status, 'rejected');
      assert.doesNotMatch(inspect(failure.reason, { depth: 9 }), /secret/);
    }
  });

  it('counts the rows that a condition matched, changed or not', async () => {
    const { db } = get();
    await db
      .insertInto('counters')
      .values([
        { id: 'a', value: 1 },
        { id: 'b', value: 1 },
      ])
      .execute();
    const set = db.updateTable('counters').set({ value: 1 });
    assert.equal((await set.where('id', 'in', ['a', 'b']).executeTakeFirst()).numUpdatedRows, 2n);
    assert.equal((await set.where('id', '=', 'a').where('value', '=', 2).executeTakeFirst()).numUpdatedRows, 0n);
    assert.equal((await db.deleteFrom('counters').executeTakeFirst()).numDeletedRows, 2n);
  });

  it('lets one of 50 win a conditional update', async () => {
    const { db } = get();
    for (let round = 0; round < 5; round++) {
      const id = `race ${round}`;
      await db.insertInto('counters').values({ id, value: 0 }).execute();
      const attempts = Array.from({ length: 50 }, (_, n) =>
        db
          .updateTable('counters')
          .set({ value: n + 1 })
          .where('id', '=', id)
          .where('value', '=', 0)
          .executeTakeFirst(),
      );
      const wins = (await Promise.all(attempts)).filter((result) => result.numUpdatedRows === 1n);
      assert.equal(wins.length, 1);
    }
  });

  it('rolls a transaction back when its work throws', async () => {
    const { db, transaction } = get();
    const failure = new Error('no');
    const work = transaction(async (trx) => {
      await trx.insertInto('counters').values({ id: 'rolled back', value: 1 }).execute();
      throw failure;
    });
    await assert.rejects(work, failure);
    const row = await db.selectFrom('counters').selectAll().where('id', '=', 'rolled back').executeTakeFirst();
    assert.equal(row, undefined);
  });

  it('loses no step of 50 transactions at once', async () => {
    const { db, transaction } = get();
    await db.insertInto('counters').values({ id: 'steps', value: 0 }).execute();
    const step = () =>
      transaction(async (trx) => {
        await trx.updateTable('counters').set({ value: sql`value + 1` }).where('id', '=', 'steps').execute();
        await trx.updateTable('counters').set({ value: sql`value + 1` }).where('id', '=', 'steps').execute();
      });
    await Promise.all(Array.from({ length: 50 }, step));
    const row = await db.selectFrom('counters').select('value').where('id', '=', 'steps').executeTakeFirstOrThrow();
    assert.equal(row.value, 100);
  });

  it('repeats the work of a transaction that lost a deadlock', async (context) => {
    const { db, dialect, transaction } = get();
    if (dialect === 'sqlite') return context.diagnostic('SQLite has one writer at a time and no deadlocks.');
    await db
      .insertInto('counters')
      .values([
        { id: 'left', value: 0 },
        { id: 'right', value: 0 },
      ])
      .execute();
    const bothHoldOne = Promise.withResolvers<void>();
    let holding = 0;
    let runs = 0;
    const work = (first: string, second: string) =>
      transaction(async (trx) => {
        runs++;
        const add = (id: string) =>
          trx.updateTable('counters').set({ value: sql`value + 1` }).where('id', '=', id).execute();
        await add(first);
        if (++holding === 2) bothHoldOne.resolve();
        await bothHoldOne.promise;
        await add(second);
      });
    await Promise.all([work('left', 'right'), work('right', 'left')]);
    const rows = await db.selectFrom('counters').select('value').where('id', 'in', ['left', 'right']).execute();
    assert.deepEqual(
      rows.map((row) => row.value),
      [2, 2],
    );
    assert.ok(runs >= 3, `${runs} runs`);
  });

  it('reads at READ COMMITTED where transactions run side by side', async (context) => {
    const { db, dialect, transaction } = get();
    if (dialect === 'sqlite') return context.diagnostic('SQLite has one transaction at a time.');
    await db.insertInto('counters').values({ id: 'seen', value: 1 }).execute();
    const read = (from: typeof db) =>
      from.selectFrom('counters').select('value').where('id', '=', 'seen').executeTakeFirstOrThrow();
    const started = Promise.withResolvers<void>();
    const changed = Promise.withResolvers<void>();
    const reading = transaction(async (trx) => {
      const { value: earlier } = await read(trx);
      started.resolve();
      await changed.promise;
      return [earlier, (await read(trx)).value];
    });
    await started.promise;
    await db.updateTable('counters').set({ value: 2 }).where('id', '=', 'seen').execute();
    changed.resolve();
    assert.deepEqual(await reading, [1, 2]);
  });

  it('goes on with its statements after another instance added a column', async () => {
    const { db, transaction } = get();
    await sql`create table growing (id integer)`.execute(db);
    await sql`insert into growing values (1)`.execute(db);
    const all = (from: typeof db) => sql<object>`select * from growing where id = ${1}`.execute(from);
    const columns = async (from: typeof db) => Object.keys((await all(from)).rows[0] ?? {});
    // As many at once as the pool has connections: each has prepared the statement.
    await Promise.all(Array.from({ length: 8 }, () => columns(db)));
    await sql`alter table growing add column more integer`.execute(db);
    assert.deepEqual(await columns(db), ['id', 'more']);
    await sql`alter table growing add column most integer`.execute(db);
    assert.deepEqual(await transaction((trx) => columns(trx)), ['id', 'more', 'most']);
  });

  it('refuses the outer database inside a transaction', async () => {
    const { db, transaction } = get();
    const outer = transaction(() => db.selectFrom('counters').selectAll().execute());
    await assert.rejects(outer, TypeError);
    const nested = transaction(() => transaction(async () => 1));
    await assert.rejects(nested, TypeError);
    assert.equal(await transaction(async () => 'goes on'), 'goes on');
  });

  it('takes only scalar parameters', async () => {
    const { db } = get();
    for (const value of [{ id: 1 }, ['a'], undefined, new Date('never'), Symbol('s')]) {
      const query = sql`select 1 as one where ${sql.val(value)} = ${'a'}`.execute(db);
      await assert.rejects(query, TypeError);
    }
  });

  it('logs slow statements without their parameters', async () => {
    const { db } = get();
    logged.length = 0;
    await db.selectFrom('counters').selectAll().where('id', '=', 'a secret').execute();
    assert.equal(logged.length, 1);
    const [{ fields, message } = { fields: {}, message: '' }] = logged;
    assert.equal(message, 'slow query');
    assert.deepEqual(Object.keys(fields), ['sql', 'duration']);
    assert.match(JSON.stringify(fields), /select \* from .{1,2}counters/);
    assert.doesNotMatch(JSON.stringify(fields), /secret/);
  });

  it('passes a failure of the statement itself on as it is', async () => {
    const failure = await sql`select nothing from nowhere`.execute(get().db).catch((error) => error);
    assert.ok(failure instanceof Error && !(failure instanceof AppError));
  });
}

function mongoTests(get: () => ReturnType<typeof mongoOf>['db'], logged: { fields: object; message: string }[]) {
  interface Thing {
    _id: number;
    name: string;
  }

  it('says which uniqueness was violated', async () => {
    const things = get().collection<Thing>('things');
    await things.createIndex({ name: 1 }, { unique: true });
    await things.insertOne({ _id: 1, name: 'taken' });
    assert.equal(await things.insertOne({ _id: 2, name: 'taken' }).then(() => null, uniqueViolation), 'name');
    assert.equal(await things.insertOne({ _id: 1, name: 'free' }).then(() => null, uniqueViolation), '_id');
    const many = things.insertMany([
      { _id: 3, name: 'three' },
      { _id: 4, name: 'taken' },
    ]);
    assert.match((await many.then(() => null, uniqueViolation)) ?? '', /name/);
  });

  it('keeps what people wrote out of its errors', async () => {
    const vault = get().collection<Thing>('vault');
    await vault.createIndex({ name: 1 }, { unique: true });
    await vault.insertOne({ _id: 1, name: 'a secret' });
    const failures = await Promise.allSettled([
      vault.insertOne({ _id: 2, name: 'a secret' }),
      vault.insertMany([{ _id: 3, name: 'a secret' }]),
      vault.updateOne({ _id: 4 }, { $set: { name: 'a secret' } }, { upsert: true }),
      vault.findOneAndUpdate({ _id: 4 }, { $set: { name: 'a secret' } }, { upsert: true }),
    ]);
    for (const failure of failures) {
      assert.equal(failure.status, 'rejected');
      assert.doesNotMatch(inspect(failure.reason, { depth: 9 }), /secret/);
    }
  });

  it('reads through cursors, however they are used', async () => {
    const numbers = get().collection<{ _id: number }>('numbers');
    await numbers.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]);
    const sorted = () => numbers.find({ _id: { $gt: 1 } }).sort({ _id: -1 });
    assert.deepEqual(await sorted().toArray(), [{ _id: 3 }, { _id: 2 }]);
    assert.deepEqual(
      await sorted()
        .map(({ _id }) => _id)
        .toArray(),
      [3, 2],
    );
    const seen: number[] = [];
    for await (const { _id } of sorted().limit(1)) seen.push(_id);
    assert.deepEqual(seen, [3]);
    const [counted] = await numbers.aggregate([{ $count: 'n' }]).toArray();
    assert.deepEqual(counted, { n: 3 });
  });

  it('logs slow commands without what they look for', async () => {
    logged.length = 0;
    await get().collection('things').findOne({ name: 'a secret' });
    assert.equal(logged.length, 1);
    assert.deepEqual(Object.keys(logged[0]?.fields ?? {}), ['command', 'collection', 'duration']);
    assert.match(JSON.stringify(logged), /"find","collection":"things"/);
    assert.doesNotMatch(JSON.stringify(logged), /secret/);
  });
}
