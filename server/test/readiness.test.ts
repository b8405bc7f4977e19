import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { after, SECOND } from '../src/platform/clock.ts';
import { connectDatabase, type SqlDatabase } from '../src/platform/database/database.ts';
import { testDatabases } from './databases.ts';
import { type WatchedScene, withWatchedScene } from './watched-app.ts';

/** Makes the database of a scene refuse writes, as one that was failed over does, or take them again. */
type SetReadOnly = (readOnly: boolean) => Promise<void>;

async function withSwitch(s: WatchedScene, work: (set: SetReadOnly) => Promise<void>): Promise<void> {
  const { database, databaseUrl } = s;
  assert.ok(database.kind === 'sql');
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

for (const { name, freshUrl } of testDatabases()) {
  // The test servers of the others are shared, and read-only altogether or not at all.
  if (name !== 'sqlite' && name !== 'postgres') continue;
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
          assert.match(told()[0] ?? '', name === 'sqlite' ? /readonly/ : /25006/);

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
