import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import pg from 'pg';
import { type FreshDatabase, pooledDatabase, testDatabases } from '../../../test/databases.ts';
import { findPgbouncer, launchPgbouncer } from '../../../tools/test-servers/pgbouncer.ts';
import { createScratch } from '../../../tools/test-servers/scratch.ts';
import { connectDatabase, DatabaseUnreachable, type SqlDatabase } from './database.ts';
import { createMigrator, discoverMigrations } from './migrations.ts';
import { splitOptions } from './pooled-postgres.ts';
import type { ConnectOptions } from './types.ts';

const DEADLINE = 120_000;
const server = process.env.TEST_POSTGRES_URL;
const migrations = await discoverMigrations(new URL('../../modules/', import.meta.url));

async function open(url: string, options: Partial<ConnectOptions> = {}): Promise<SqlDatabase> {
  const log = { warn() {} };
  const database = await connectDatabase({ url, poolSize: 4, slowQuery: 60_000, log, ...options });
  assert.ok(database.kind === 'sql');
  return database;
}

async function shown(database: Pick<SqlDatabase, 'db'>, name: string): Promise<string | undefined> {
  const { rows } = await sql<{ value: string }>`select current_setting(${name}) as value`.execute(database.db);
  return rows[0]?.value;
}

it('start-up options are taken apart into settings, and what is for a proxy', () => {
  assert.deepEqual(splitOptions('-c search_path=a,b  -cstatement_timeout=5 --lock-timeout=1s endpoint=ep-x'), {
    settings: [
      ['search_path', 'a,b'],
      ['statement_timeout', '5'],
      ['lock_timeout', '1s'],
    ],
    rest: 'endpoint=ep-x',
  });
  assert.deepEqual(splitOptions('-c a.b=x\\ y'), { settings: [['a.b', 'x y']], rest: '' });
  assert.deepEqual(splitOptions('endpoint=ep-x'), { settings: [], rest: 'endpoint=ep-x' });
});

if (server && findPgbouncer() !== null) {
  describe('postgres by a PgBouncer with one session', { timeout: DEADLINE }, () => {
    const scratch = createScratch();
    let fresh: FreshDatabase;
    let pooled: SqlDatabase;

    before(async () => {
      const launched = await launchPgbouncer(scratch, { server, mode: 'transaction', size: 1 });
      assert.ok('url' in launched);
      fresh = await pooledDatabase(server, launched.url).emptyUrl();
      pooled = await open(fresh.url);
      await sql`create table things (id int primary key)`.execute(pooled.db);
    });
    after(async () => {
      await pooled.close();
      await fresh.drop();
      await scratch.end();
    });

    /** What another client of the pool finds. */
    async function beside<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
      const client = new pg.Client(fresh.url);
      await client.connect();
      try {
        return await work(client);
      } finally {
        await client.end();
      }
    }

    it('notices it, and nothing else', async () => {
      assert.match(pooled.name, / behind a pooler$/);
      const [, direct] = testDatabases({ TEST_POSTGRES_URL: server });
      assert.ok(direct !== undefined);
      const { url, drop } = await direct.emptyUrl();
      for (const [more, isNoticed] of [
        [{}, false],
        [{ pooler: 'auto' }, false],
        [{ pooler: 'transaction' }, true],
        [{ pooler: 'off' }, false],
      ] as const) {
        const database = await open(url, more);
        assert.equal(database.name.endsWith(' behind a pooler'), isNoticed);
        await database.close();
      }
      const told = await open(`${url}?pgbouncer=true&connection_limit=1`);
      assert.match(told.name, / behind a pooler$/);
      await told.close();
      await drop();
    });

    it('has its limits in every statement and transaction, and leaves none of them in the session', async () => {
      assert.equal(await shown(pooled, 'statement_timeout'), '5s');
      await pooled.transaction(async (trx) => {
        assert.equal(await shown({ db: trx }, 'idle_in_transaction_session_timeout'), '5s');
        assert.equal(await shown({ db: trx }, 'transaction_isolation'), 'read committed');
      });
      await pooled.unlimited(async (db) => assert.equal(await shown({ db }, 'statement_timeout'), '0'));
      for (let round = 0; round < 3; round++) {
        await sql`select ${round}::int, ${'x'}::text`.execute(pooled.db);
      }
      await beside(async (client) => {
        const { rows } = await client.query(
          `select current_setting('statement_timeout') as limit, current_setting('search_path') as path,
            (select count(*)::int from pg_prepared_statements) as statements,
            (select count(*)::int from pg_locks where locktype = 'advisory') as locks`,
        );
        assert.deepEqual(rows, [{ limit: '0', path: '"$user", public', statements: 0, locks: 0 }]);
      });
    });

    it('leaves no transaction open where a statement fails', async () => {
      const insert = () => sql`insert into things values (1)`.execute(pooled.db);
      await insert();
      for (let round = 0; round < 8; round++) {
        await assert.rejects(insert(), { code: '23505' });
        await assert.rejects(sql`select nothing from nowhere`.execute(pooled.db), { code: '42P01' });
      }
      const failing = pooled.transaction(async (trx) => {
        await sql`insert into things values (2)`.execute(trx);
        await sql`insert into things values (1)`.execute(trx);
      });
      await assert.rejects(failing, { code: '23505' });
      await beside(async (client) => {
        assert.deepEqual((await client.query('select id from things')).rows, [{ id: 1 }]);
      });
    });

    it('refuses a setting that there is not, and is usable afterwards', async () => {
      await assert.rejects(open(`${fresh.url}?options=-c%20no_such_setting%3D1`), DatabaseUnreachable);
      assert.equal(await shown(pooled, 'statement_timeout'), '5s');
    });

    it('serves many at once, each in its own transaction', async () => {
      const ids = Array.from({ length: 40 }, (_, n) => n + 100);
      await Promise.all(
        ids.map((id) =>
          pooled.transaction(async (trx) => {
            await sql`insert into things values (${id})`.execute(trx);
            await sql`update things set id = id where id = ${id}`.execute(trx);
          }),
        ),
      );
      const { rows } = await sql`select id from things where id >= 100`.execute(pooled.db);
      assert.equal(rows.length, 40);
    });

    it('without that knowledge it is refused with a sentence that says what to set', async () => {
      await assert.rejects(open(fresh.url, { pooler: 'off' }), (error: Error) => {
        assert.ok(error instanceof DatabaseUnreachable);
        assert.match(
          error.message,
          /unsupported startup parameter.*; if a pooler is between, set DATABASE_POOLER=transaction\.$/,
        );
        return true;
      });
    });
  });
}

for (const mode of ['direct', 'transaction', 'session'] as const) {
  if (!server || (mode !== 'direct' && findPgbouncer() === null)) continue;
  it(`two installations live in schemas of one database (${mode})`, { timeout: DEADLINE }, async () => {
    const scratch = createScratch();
    const [, direct] = testDatabases({ TEST_POSTGRES_URL: server });
    assert.ok(direct !== undefined);
    const launched = mode === 'direct' ? null : await launchPgbouncer(scratch, { server, mode });
    assert.ok(launched === null || 'url' in launched);
    const { url, drop } = await (launched === null ? direct : pooledDatabase(server, launched.url)).emptyUrl();
    const admin = await open(url);
    const queries = ['?schema=a', '?options=-c%20search_path%3Db', '?currentSchema=c', ''];
    const installations: SqlDatabase[] = [];
    try {
      for (const schema of ['a', 'b', 'c']) await sql`create schema ${sql.id(schema)}`.execute(admin.db);
      for (const query of queries) installations.push(await open(`${url}${query}`));
      const total = Object.keys(migrations).length;
      // One after another, so that each finds the tables of those before it; the last two together.
      for (const one of installations.slice(0, 2))
        assert.equal((await createMigrator(one, migrations).up()).length, total);
      const both = await Promise.all(installations.slice(2).map((one) => createMigrator(one, migrations).up()));
      assert.deepEqual(
        both.map(({ length }) => length),
        [total, total],
      );
      for (const one of installations) {
        const status = await createMigrator(one, migrations).status();
        assert.ok(status.every(({ appliedAt }) => appliedAt !== null));
        assert.deepEqual(await createMigrator(one, migrations).up(), []);
      }
      const { rows } = await sql<{ schema: string }>`
        select schemaname as schema from pg_tables where tablename = 'users' order by 1`.execute(admin.db);
      assert.deepEqual(
        rows.map(({ schema }) => schema),
        ['a', 'b', 'c', 'public'],
      );
      await assert.rejects(async () => {
        const nowhere = await open(`${url}?schema=nowhere`);
        try {
          await createMigrator(nowhere, migrations).up();
        } finally {
          await nowhere.close();
        }
      }, /has none of the schemas in which tables are looked for: CREATE SCHEMA/);
    } finally {
      for (const one of [admin, ...installations]) await one.close();
      await drop();
      await scratch.end();
    }
  });
}
