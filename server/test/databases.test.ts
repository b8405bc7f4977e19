import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import type { DatabaseName } from './databases.ts';
import { testDatabases } from './databases.ts';

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

for (const { name, emptyUrl } of testDatabases()) {
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
}

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
