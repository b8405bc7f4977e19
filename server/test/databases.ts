import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { migrated } from './migrated.ts';

export { PATIENCE } from './patience.ts';

export type DatabaseName = 'sqlite' | 'postgres' | 'mysql' | 'mongodb';

export interface FreshDatabase {
  /** A DATABASE_URL of a database that nobody else uses. */
  url: string;
  /** Removes it; close every connection first. May be called twice. */
  drop(): Promise<void>;
}

/** Both functions throw when the server cannot be reached, so that the run fails. */
export interface TestDatabase {
  name: DatabaseName;
  /** Gives a database that is migrated, and otherwise as a new one. On a server it may have served a test before (`migrated.ts`). */
  freshUrl(): Promise<FreshDatabase>;
  /** Makes a database without any table: for tests of migrations and of first starts, and for servers that are killed. */
  emptyUrl(): Promise<FreshDatabase>;
}

const CONNECT_LIMIT = 10_000;

/** No quoting needed in any dialect: lower-case letters and digits only. */
const freshName = () => `ostiary_${randomBytes(8).toString('hex')}`;

async function emptySqlite(): Promise<FreshDatabase> {
  const dir = mkdtempSync(join(tmpdir(), 'ostiary-sqlite-'));
  return {
    url: `sqlite:${join(dir, 'test.db')}`,
    drop: async () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** The same server, user and options, but another database. */
function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function emptyPostgres(server: string): Promise<FreshDatabase> {
  const execute = async (sql: string) => {
    const client = new Client({ connectionString: server, connectionTimeoutMillis: CONNECT_LIMIT });
    try {
      await client.connect();
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  const name = freshName();
  await execute(`create database ${name} template template0 encoding 'UTF8'`);
  return { url: withDatabase(server, name), drop: () => execute(`drop database if exists ${name} with (force)`) };
}

async function emptyMysql(server: string): Promise<FreshDatabase> {
  const execute = async (sql: string) => {
    const connection = await createConnection({ uri: server, connectTimeout: CONNECT_LIMIT });
    try {
      await connection.query(sql);
    } finally {
      await connection.end();
    }
  };
  const name = freshName();
  await execute(`create database ${name} character set utf8mb4 collate utf8mb4_bin`);
  return { url: withDatabase(server, name), drop: () => execute(`drop database if exists ${name}`) };
}

/** Written without `URL`, which refuses the host lists of replica sets. */
function withMongoDatabase(server: string, name: string): string {
  const parts = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(server);
  if (parts?.[1] === undefined) throw new Error('TEST_MONGODB_URL is no mongodb: URL');
  const [, hosts, database = '', query = ''] = parts;
  const options = new URLSearchParams(query);
  // Users are looked up in the database of the URL unless it says otherwise: keep it where they are.
  if (hosts.includes('@') && !options.has('authSource')) options.set('authSource', database || 'admin');
  return `${hosts}/${name}?${options}`;
}

async function emptyMongodb(server: string): Promise<FreshDatabase> {
  const url = withMongoDatabase(server, freshName());
  const withDatabaseOf = async (work: (client: MongoClient) => Promise<unknown>) => {
    const limit = url.includes('serverSelectionTimeoutMS=') ? {} : { serverSelectionTimeoutMS: CONNECT_LIMIT };
    const client = new MongoClient(url, limit);
    try {
      await work(client);
    } finally {
      await client.close();
    }
  };
  // MongoDB makes a database with its first document; asking now lets an unreachable server fail here.
  await withDatabaseOf((client) => client.db().command({ ping: 1 }));
  return { url, drop: () => withDatabaseOf((client) => client.db().dropDatabase()) };
}

/** `server`: databases of one are never taken for those of another. */
const testDatabase = (
  name: DatabaseName,
  emptyUrl: () => Promise<FreshDatabase>,
  server: string = name,
): TestDatabase => ({ name, emptyUrl, freshUrl: migrated(server, emptyUrl) });

const sqlite = testDatabase('sqlite', emptySqlite);

/** The same databases as PostgreSQL's, reached through a pooler at `pooler`. */
export function pooledDatabase(server: string, pooler: string): TestDatabase {
  const emptyUrl = async () => {
    const { url, drop } = await emptyPostgres(server);
    return { url: withDatabase(pooler, new URL(url).pathname.slice(1)), drop };
  };
  return testDatabase('postgres', emptyUrl, new URL(pooler).host.replace(':', '-'));
}

/**
 * The databases that this run covers: SQLite always, the others where TEST_POSTGRES_URL, TEST_MYSQL_URL and
 * TEST_MONGODB_URL name a server (the test runner sets them). There is no way to skip one that is named.
 */
export function testDatabases(env: NodeJS.ProcessEnv = process.env): TestDatabase[] {
  const { TEST_POSTGRES_URL: postgres, TEST_MYSQL_URL: mysql, TEST_MONGODB_URL: mongodb } = env;
  const databases = [sqlite];
  if (postgres) databases.push(testDatabase('postgres', () => emptyPostgres(postgres)));
  if (mysql) databases.push(testDatabase('mysql', () => emptyMysql(mysql)));
  if (mongodb) databases.push(testDatabase('mongodb', () => emptyMongodb(mongodb)));
  return databases;
}
