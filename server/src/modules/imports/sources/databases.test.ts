import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { Long, ObjectId } from 'mongodb';
import { PATIENCE, type TestDatabase, testDatabases } from '../../../../test/databases.ts';
import { connectDatabase, type Database } from '../../../platform/database/database.ts';
import { ImportFailed, type Position, type SourceRow } from '../imported-person.ts';
import { FORMATS, type FormatName } from './formats.ts';
import { type Mapping, mergeMappings } from './mapping.ts';
import { openSource } from './open-source.ts';

/** More than a page, so that the second one begins somewhere. */
const PEOPLE = 1503;

async function withDatabase(
  test: TestDatabase,
  work: (database: Database, url: string) => Promise<void>,
): Promise<void> {
  const { url, drop } = await test.emptyUrl();
  const database = await connectDatabase({
    url,
    poolSize: 2,
    slowQuery: 60_000,
    log: { warn() {} },
    patience: PATIENCE,
  });
  try {
    await work(database, url);
  } finally {
    await database.close();
    await drop();
  }
}

async function read(url: string, name: FormatName, after: Position | null = null, own: Mapping = {}) {
  const mapping = mergeMappings(FORMATS[name].mapping, own);
  const source = await openSource(url, { name, format: FORMATS[name], mapping });
  try {
    const rows: SourceRow[] = [];
    for await (const row of source.rows(after)) rows.push(row);
    return { rows, progress: source.progress(), fingerprint: source.fingerprint };
  } finally {
    await source.close();
  }
}

const peopleOf = (rows: SourceRow[]) => rows.map((row) => ('person' in row ? row.person : assert.fail(row.fault)));

for (const test of testDatabases()) {
  describe(`sources on ${test.name}`, { timeout: 120_000 }, () => {
    if (test.name === 'mongodb') {
      it('a collection: ids of several kinds, and reading on after any of them', () =>
        withDatabase(test, async (database, url) => {
          assert.ok(database.kind === 'mongo');
          const documents = Array.from({ length: PEOPLE }, (_, i) => ({
            _id: [new ObjectId(), `text-${i}`, i, Long.fromString(`900719925474099${1000 + i}`)][i % 4] ?? i,
            email: `p${i}@example.com`,
            hashed_password: '$2b$12$x',
            disabled: i % 2 === 1,
            roles: [{ code: 'editor' }, 'viewer'],
            created_at: new Date(1_600_000_000_000 + i),
          }));
          await database.db.collection<{ _id: unknown }>('User').insertMany(documents as never[]);
          const { rows, progress, fingerprint } = await read(url, 'plain');
          const people = peopleOf(rows);
          assert.equal(progress, 1);
          assert.deepEqual(new Set(people.map(({ email }) => email)), new Set(documents.map(({ email }) => email)));
          assert.equal(new Set(people.map(({ id }) => id)).size, PEOPLE);
          const one = people.find(({ email }) => email === 'p3@example.com') ?? assert.fail();
          assert.deepEqual(
            [one.isDisabled, one.roles, one.createdAt],
            [true, ['editor', 'viewer'], documents[3]?.created_at],
          );
          for (const at of [0, 400, 800, 1200, PEOPLE - 1]) {
            const rest = await read(url, 'plain', rows[at]?.position ?? assert.fail());
            assert.deepEqual(rest.rows, rows.slice(at + 1), `after ${at}`);
            assert.equal(rest.fingerprint, fingerprint);
          }
          await assert.rejects(read(url, 'plain', null, { table: 'nowhere' }), ImportFailed);
        }));
      return;
    }

    it('a table with roles in others: page by page, and reading on', () =>
      withDatabase(test, async (database, url) => {
        assert.ok(database.kind === 'sql');
        const { db } = database;
        const run = (text: string) => sql.raw(text).execute(db);
        const bool = database.dialect === 'postgres' ? 'boolean' : 'int';
        await run(`create table auth_user (id int primary key, username varchar(150), email varchar(254), password varchar(128),
          first_name varchar(150), last_name varchar(150), is_active ${bool}, is_superuser ${bool}, date_joined timestamp null, last_login timestamp null)`);
        await run('create table auth_group (id int primary key, name varchar(150))');
        await run('create table auth_user_groups (id int primary key, user_id int, group_id int)');
        await run("insert into auth_group values (1, 'editors'), (2, 'viewers')");
        const [yes, no] = bool === 'int' ? ['1', '0'] : ['true', 'false'];
        const values = Array.from(
          { length: PEOPLE },
          (_, i) =>
            `(${i * 3}, 'user${i}', 'u${i}@example.com', 'bcrypt$$2b$12$x', 'F', 'L${i}', ${i % 2 ? yes : no}, ${no}, '2021-02-03 04:05:06', null)`,
        );
        await run(`insert into auth_user values ${values.join(',')}`);
        await run('insert into auth_user_groups values (1, 3, 1), (2, 3, 2), (3, 6, 2)');

        const { rows, progress, fingerprint } = await read(url, 'django');
        const people = peopleOf(rows);
        assert.equal(progress, 1);
        assert.deepEqual(
          people.map(({ email }) => email),
          Array.from({ length: PEOPLE }, (_, i) => `u${i}@example.com`),
        );
        assert.deepEqual(people[1], {
          id: '3',
          email: 'u1@example.com',
          username: 'user1',
          fullName: 'F L1',
          phone: null,
          locale: null,
          emailVerified: false,
          isDisabled: false,
          isDeleted: false,
          roles: ['editors', 'viewers'],
          isSuperadmin: false,
          createdAt: new Date('2021-02-03T04:05:06Z'),
          lastLoginAt: null,
          passwordHash: 'bcrypt$$2b$12$x',
        });
        assert.deepEqual([people[0]?.isDisabled, people[0]?.roles, people[2]?.roles], [true, [], ['viewers']]);
        assert.equal(rows[1]?.place, 'id 3');
        for (const at of [0, 999, 1000, PEOPLE - 1]) {
          const rest = await read(url, 'django', rows[at]?.position ?? assert.fail());
          assert.deepEqual(rest.rows, rows.slice(at + 1), `after ${at}`);
          assert.equal(rest.fingerprint, fingerprint);
        }
      }));

    it('ids of text, columns with capitals, and hashes in another table; the first table that is there', () =>
      withDatabase(test, async (database, url) => {
        assert.ok(database.kind === 'sql');
        const { db } = database;
        await db.schema
          .createTable('user')
          .addColumn('id', 'varchar(40)', (column) => column.primaryKey())
          .addColumn('email', 'varchar(200)')
          .addColumn('emailVerified', 'integer')
          .execute();
        await db.schema
          .createTable('account')
          .addColumn('userId', 'varchar(40)')
          .addColumn('providerId', 'varchar(40)')
          .addColumn('password', 'varchar(200)')
          .execute();
        const tables = db.withTables<{
          user: { id: string; email: string; emailVerified: number };
          account: { userId: string; providerId: string; password: string | null };
        }>();
        const ids = ["a'1", 'B"2', 'c\\3', 'é4'];
        await tables
          .insertInto('user')
          .values(ids.map((id, i) => ({ id, email: `${i}@example.com`, emailVerified: i % 2 })))
          .execute();
        await tables
          .insertInto('account')
          .values([
            { userId: ids[0] ?? '', providerId: 'github', password: null },
            { userId: ids[0] ?? '', providerId: 'credential', password: 'hash one' },
            { userId: ids[1] ?? '', providerId: 'github', password: null },
          ])
          .execute();
        const { rows } = await read(url, 'better-auth');
        const people = peopleOf(rows);
        assert.deepEqual(people.map(({ id }) => id).sort(), [...ids].sort());
        const hashes = Object.fromEntries(people.map(({ id, passwordHash }) => [id, passwordHash]));
        assert.deepEqual(hashes, {
          [ids[0] ?? '']: 'hash one',
          [ids[1] ?? '']: null,
          [ids[2] ?? '']: null,
          [ids[3] ?? '']: null,
        });
        assert.equal((await read(url, 'plain')).rows.length, ids.length);
        await assert.rejects(
          read(url, 'django'),
          (error) => error instanceof ImportFailed && /auth_user/.test(error.message),
        );
        await assert.rejects(read(url, 'plain', null, { id: 'uid' }), ImportFailed);
      }));
  });
}

it('ids of bytes are read on from, and lead to their roles', async () => {
  const [sqlite = assert.fail()] = testDatabases({});
  await withDatabase(sqlite, async (database, url) => {
    assert.ok(database.kind === 'sql');
    const run = (text: string) => sql.raw(text).execute(database.db);
    await run('create table users (id blob primary key, email text)');
    await run('create table user_roles (user_id blob, role text)');
    await run(
      "insert into users values (x'00ff', 'a@example.com'), (x'5c78', 'b@example.com'), (x'ff00', 'c@example.com')",
    );
    await run("insert into users values (null, 'nobody@example.com')");
    await run("insert into user_roles values (x'5c78', 'editor')");
    const links = { roles: { table: 'user_roles', person: 'user_id', value: 'role' } };
    const { rows } = await read(url, 'plain', null, { links });
    assert.deepEqual(
      peopleOf(rows).map(({ id, roles }) => [id, roles]),
      [
        ['00ff', []],
        ['5c78', ['editor']],
        ['ff00', []],
      ],
    );
    for (const at of [0, 1, 2]) {
      const rest = await read(url, 'plain', rows[at]?.position ?? assert.fail(), { links });
      assert.deepEqual(rest.rows, rows.slice(at + 1));
      assert.equal(rest.progress, 1);
    }
  });
});

it('a file of SQLite is neither made nor changed', async () => {
  await assert.rejects(read('sqlite:/nowhere/at-all.db', 'plain'), ImportFailed);
  assert.ok(!existsSync('/nowhere'));
  const [sqlite = assert.fail()] = testDatabases({});
  await withDatabase(sqlite, async (database, url) => {
    assert.ok(database.kind === 'sql');
    await sql`create table users (id integer primary key, email text)`.execute(database.db);
    const path = url.slice('sqlite:'.length);
    const before = statSync(path).mtimeMs;
    assert.deepEqual((await read(url, 'plain')).rows, []);
    assert.equal(statSync(path).mtimeMs, before);
  });
});
