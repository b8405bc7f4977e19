import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { createConnection } from 'mysql2/promise';
import { after, SECOND } from '../src/platform/clock.ts';
import { connectDatabase, type SqlDatabase } from '../src/platform/database/database.ts';
import { findMariadb, launchMariadb } from '../tools/test-servers/mariadb.ts';
import { createScratch } from '../tools/test-servers/scratch.ts';
import { type DatabaseName, type FreshDatabase, testDatabases } from './databases.ts';
import { refused, somebody } from './scenario.ts';
import { type WatchedScene, withWatchedScene } from './watched-app.ts';

/** Makes the database of a scene refuse writes, as one that was failed over does, or take them again. */
type SetReadOnly = (readOnly: boolean) => Promise<void>;

async function withSwitch(s: WatchedScene, work: (set: SetReadOnly) => Promise<void>): Promise<void> {
  const { database, databaseUrl } = s;
  assert.ok(database.kind === 'sql');
  if (database.dialect === 'mysql') {
    return work(async (readOnly) => setGlobally(databaseUrl, readOnly));
  }
  if (database.dialect === 'sqlite') {
    return work(async (readOnly) => {
      await sql.raw(`pragma query_only = ${readOnly ? 'on' : 'off'}`).execute(database.db);
    });
  }
  const beside = await connectDatabase({ url: databaseUrl, poolSize: 1, slowQuery: 60_000, log: { warn() {} } });
  try {
    await work((readOnly) => switchPostgres(beside as SqlDatabase, readOnly));
  } finally {
    await beside.close();
  }
}

/** Sessions that are open see it, too: they are ended. */
async function switchPostgres({ db }: SqlDatabase, readOnly: boolean): Promise<void> {
  await db.connection().execute(async (own) => {
    await sql`set default_transaction_read_only = off`.execute(own);
    const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(own);
    await sql`alter database ${sql.id(rows[0]?.name ?? '')} set default_transaction_read_only = ${sql.lit(readOnly ? 'on' : 'off')}`.execute(
      own,
    );
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
      own,
    );
  });
}

/** Users without a privilege for it, as the scene's, then write no more; open sessions see it at once. */
const roots = new Map<string, string>();

async function setGlobally(databaseUrl: string, readOnly: boolean): Promise<void> {
  const root = await createConnection(roots.get(databaseUrl) ?? assert.fail());
  try {
    await root.query(`set global read_only = ${readOnly ? 'on' : 'off'}`);
  } finally {
    await root.end();
  }
}

/** A database on a MariaDB of its own: one is read-only altogether or not at all. */
async function ownMariadb(): Promise<FreshDatabase> {
  const scratch = createScratch();
  const launched = await launchMariadb(scratch, { durable: false });
  assert.ok('url' in launched, 'it is there, as the server of this run shows');
  const root = await createConnection(launched.url);
  await root.query('create database ostiary character set utf8mb4 collate utf8mb4_bin');
  await root.query("create user 'app'@'%' identified by 'a password of tests'");
  await root.query("grant all on ostiary.* to 'app'@'%'");
  await root.end();
  const url = new URL(launched.url);
  Object.assign(url, { username: 'app', password: 'a password of tests', pathname: '/ostiary' });
  roots.set(url.href, launched.url);
  return { url: url.href, drop: () => scratch.end() };
}

const REASONS: Partial<Record<DatabaseName, RegExp>> = {
  sqlite: /readonly/,
  postgres: /25006/,
  mysql: /ER_OPTION_PREVENTS_STATEMENT/,
};

for (const { name, emptyUrl: shared } of testDatabases()) {
  const reason = REASONS[name];
  // The engine that stands for MongoDB cannot be made read-only.
  if (reason === undefined || (name === 'mysql' && findMariadb() === null)) continue;
  const freshUrl = name === 'mysql' ? ownMariadb : shared;
  test(`a database that takes no writes is not ready, and the log says why, once (${name})`, () =>
    withWatchedScene(
      async (s) => {
        const ready = () => s.app.http.inject('/ready');
        const isReady = async () => (await ready()).statusCode === 200;
        while (!(await isReady())) await new Promise(setImmediate);
        await withSwitch(s, async (set) => {
          await set(true);
          s.time.now = after(s.time.now, 5 * SECOND);
          const isDown = async () => {
            const answer = await ready();
            assert.equal(answer.statusCode, 503);
            assert.deepEqual(answer.json().checks, { database: 'down' });
          };
          const told = () => s.log.filter((line) => line.includes('writing to the database fails'));
          // At first only connections that were ended are found.
          while (told().length === 0) await isDown();
          for (let round = 0; round < 3; round++) await isDown();
          assert.equal((await s.app.http.inject('/health')).statusCode, 200);
          assert.equal(told().length, 1);
          assert.match(told()[0] ?? '', reason);

          await set(false);
          while (!(await isReady())) await new Promise(setImmediate);
          assert.equal(s.log.filter((line) => line.includes('writing to the database works again')).length, 1);
        });
      },
      { freshUrl },
    ));
}

test('readiness does not write more than once in five seconds, however often it is asked', () =>
  withWatchedScene(async (s) => {
    const writes = () => s.log.filter((line) => /update \\"beats\\"/.test(line)).length;
    const isReady = async () => (await s.app.http.inject('/ready')).statusCode === 200;
    const untilReady = async () => {
      while (!(await isReady())) await new Promise(setImmediate);
    };
    await untilReady();
    const first = writes();
    assert.ok(first > 0);
    for (let round = 0; round < 50; round++) await isReady();
    assert.equal(writes(), first);
    s.time.now = after(s.time.now, 5 * SECOND);
    await untilReady();
    assert.ok(writes() > first);
  }));

test('a database without room for anything new is not ready, although the row of readiness has its place', () =>
  withWatchedScene(async (s) => {
    assert.ok(s.database.kind === 'sql');
    const { db } = s.database;
    const ready = () => s.app.http.inject('/ready');
    const untilReady = async () => {
      while ((await ready()).statusCode !== 200) await new Promise(setImmediate);
    };
    const register = () => s.client.send('POST', '/auth/register', { body: somebody() });
    await untilReady();
    await sql`pragma max_page_count = 1`.execute(db);
    let answer = await register();
    for (let tries = 0; answer.statusCode === 202 && tries < 200; tries++) answer = await register();
    refused(answer, 503, 'unavailable');
    for (let round = 0; round < 3; round++) {
      assert.deepEqual((await ready()).json().checks, { database: 'down' });
      s.time.now = after(s.time.now, 5 * SECOND);
    }
    const told = s.log.filter((line) => line.includes('writing to the database fails'));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /"errcode":13\b/);

    await sql`pragma max_page_count = 1000000`.execute(db);
    s.time.now = after(s.time.now, SECOND);
    await untilReady();
    assert.equal((await register()).statusCode, 202);
    assert.equal((await ready()).statusCode, 200);
    assert.equal(s.log.filter((line) => line.includes('writing to the database works again')).length, 1);
  }));
