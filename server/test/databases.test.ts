import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { sql } from 'kysely';
import { MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { openStorage } from '../src/open-storage.ts';
import { connectDatabase } from '../src/platform/database/database.ts';
import { migratorFor } from '../src/start.ts';
import type { DatabaseName } from './databases.ts';
import { testDatabases } from './databases.ts';
import { makeEvent } from './fixtures.ts';
import { rowCounts } from './watched-app.ts';

/** Whether the database behind a URL exists, asked of its driver. */
const exists: Record<DatabaseName, (url: string) => Promise<boolean>> = {
  sqlite: async (url) => existsSync(url.slice('sqlite:'.length).replace(/\/[^/]*$/, '')),
  postgres: async (url) => {
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      await client.query('create table if not exists kept (id int)');
      return true;
    } catch (error) {
      // 3D000 is invalid_catalog_name: no such database.
      if ((error as { code?: string }).code === '3D000') return false;
      throw error;
    } finally {
      await client.end();
    }
  },
  mysql: async (url) => {
    try {
      const connection = await createConnection(url);
      await connection.query('create table if not exists kept (id int)');
      await connection.end();
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === 'ER_BAD_DB_ERROR') return false;
      throw error;
    }
  },
  mongodb: async (url) => {
    const client = new MongoClient(url);
    try {
      const name = client.db().databaseName;
      const { databases } = await client.db('admin').admin().listDatabases();
      const found = databases.some((database) => database.name === name);
      if (!found) await client.db().collection('kept').insertOne({});
      return found;
    } finally {
      await client.close();
    }
  },
};

for (const { name, freshUrl, emptyUrl } of testDatabases()) {
  test(`${name}: every call makes a database of its own, and drop removes it`, async () => {
    const [one, other] = await Promise.all([emptyUrl(), emptyUrl()]);
    assert.notEqual(one.url, other.url);
    // MongoDB makes a database with its first document: the first look does that, the second finds it.
    if (name === 'mongodb') assert.equal(await exists.mongodb(one.url), false);
    assert.equal(await exists[name](one.url), true);
    await one.drop();
    await one.drop();
    assert.equal(await exists[name](one.url), false);
    await one.drop();
    await other.drop();
  });

  test(`${name}: what a test is given is migrated, and holds nothing of what the test before it wrote`, async () => {
    const look = async () => {
      const { url, drop } = await freshUrl();
      const database = await connectDatabase({ url, poolSize: 1, slowQuery: 60_000, log: { warn() {} } });
      const applied = await (await migratorFor(database)).up();
      // MongoDB makes collections with their first document: what has none says nothing.
      const counts = Object.entries(await rowCounts(database)).filter(([, count]) => count > 0);
      const before = Object.fromEntries(counts);
      const { events } = openStorage(database, { onCommit() {} });
      await events.record(makeEvent('user:somebody'), 1);
      assert.equal((await events.listForTarget('user:somebody')).length, 1);
      await database.close();
      return { url, drop, applied, before };
    };
    const first = await look();
    const beside = await look();
    assert.notEqual(beside.url, first.url);
    await first.drop();
    await first.drop();
    const [second, third] = [await look(), await look()];
    assert.notEqual(second.url, third.url);
    for (const { applied, before } of [first, beside, second, third]) {
      assert.deepEqual(applied, []);
      assert.deepEqual(before, first.before);
      assert.deepEqual([before.events, before.roles], [undefined, 4]);
    }
    for (const { drop } of [beside, second, third]) await drop();
  });
}

test('a database of a server that a test changed is not given to another', async () => {
  for (const { name, freshUrl } of testDatabases()) {
    if (name === 'sqlite' || name === 'mongodb') continue;
    const { url, drop } = await freshUrl();
    const database = await connectDatabase({ url, poolSize: 1, slowQuery: 60_000, log: { warn() {} } });
    assert.ok(database.kind === 'sql');
    await sql`alter table events rename to events_away`.execute(database.db);
    await database.close();
    await drop();
    const next = await freshUrl();
    assert.notEqual(next.url, url);
    await next.drop();
    assert.equal(await exists[name](url), false);
  }
});

test('a server that is named and away fails, without a way around it', async () => {
  const nowhere = '127.0.0.1:1';
  const databases = testDatabases({
    TEST_POSTGRES_URL: `postgres://a:b@${nowhere}/c`,
    TEST_MYSQL_URL: `mysql://a:b@${nowhere}/c`,
    TEST_MONGODB_URL: `mongodb://${nowhere}/?serverSelectionTimeoutMS=200`,
  });
  assert.deepEqual(
    databases.map(({ name }) => name),
    ['sqlite', 'postgres', 'mysql', 'mongodb'],
  );
  for (const { name, emptyUrl } of databases.slice(1)) {
    await assert.rejects(emptyUrl(), (error) => error instanceof Error, name);
  }
});

test('SQLite is always there', () => {
  assert.deepEqual(
    testDatabases({}).map(({ name }) => name),
    ['sqlite'],
  );
});
