import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import { LRUCache } from 'lru-cache';
import { DatabaseUnreachable, isContention } from './errors.ts';
import { CONTENTION_TRIES, contentionPause } from './guard.ts';
import { openSql } from './sql-database.ts';
import { timeLimits } from './time-limits.ts';
import type { ConnectOptions, SqlDatabase } from './types.ts';
import type { SqliteTarget } from './url.ts';
import { createWatchdog } from './watchdog.ts';

/**
 * Milliseconds that SQLite waits for a writer of another process. The wait blocks the event loop, so it is short; with
 * the pauses between the attempts, which do not block, the total is some 5 s.
 */
const BUSY_TIMEOUT = 500;

/** Number of prepared statements; the least recently used is dropped first. */
const STATEMENTS = 500;

/** Opens the file, and creates it (mode 0600) and its folder if needed. Throws `DatabaseUnreachable`. */
export async function connectSqlite(target: SqliteTarget, options: ConnectOptions): Promise<SqlDatabase> {
  const path = target.path === null ? null : resolve(target.path);
  let database: DatabaseSync;
  try {
    database = await openFile(path);
  } catch (error) {
    throw new DatabaseUnreachable(`The SQLite file ${path} cannot be used: ${reason(error)}.`, error);
  }
  return openSql(
    {
      dialect: 'sqlite',
      open: () => dialect(database),
      // Bounds the wait for the only connection.
      watch: createWatchdog(timeLimits(options), async () => undefined),
      now: null,
      version: sql`select sqlite_version() as version`,
      productName: (version) => `SQLite ${version}`,
      separate: false,
    },
    options,
  );
}

async function openFile(path: string | null): Promise<DatabaseSync> {
  if (path !== null) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // The write-ahead log inherits the mode of the main file, so the file must be private before SQLite opens it.
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
  }
  for (let attempt = 0; ; attempt++) {
    const database = new DatabaseSync(path ?? ':memory:', { timeout: BUSY_TIMEOUT, enableForeignKeyConstraints: true });
    try {
      // An acknowledged revocation must survive a power failure: hence `full`.
      database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma trusted_schema = off');
      database.prepare('select count(*) from sqlite_schema').get();
      return database;
    } catch (error) {
      database.close();
      // Switching to the write-ahead log does not wait for other processes that open the file now.
      if (!isContention(error) || attempt + 1 >= CONTENTION_TRIES) throw error;
    }
    await contentionPause(attempt);
  }
}

function reason(error: unknown): string {
  const { code, errcode, message } = error as { code?: string; errcode?: number; message: string };
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'it is a folder';
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'a part of its path is not a folder';
  if (code === 'EROFS') return 'the file system is read-only';
  if (errcode === 26) return 'it is not an SQLite database';
  return message;
}

function dialect(database: DatabaseSync): Dialect {
  return {
    createDriver: () => sqliteDriver(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createAdapter: () =>
      Object.defineProperties(new SqliteAdapter(), {
        // The driver below queues for its only connection itself, after the guard has refused outer use in a transaction.
        supportsMultipleConnections: { value: true },
        // SQLite's DDL is transactional: migrations of several processes exclude each other by `begin immediate`.
        supportsTransactionalDdl: { value: true },
      }),
  };
}

function sqliteDriver(database: DatabaseSync): Driver {
  const connection = sqliteConnection(database);
  let last = Promise.resolve();
  let release = () => {};

  return {
    async init() {},
    async acquireConnection() {
      const before = last;
      const mine = Promise.withResolvers<void>();
      last = mine.promise;
      await before;
      release = mine.resolve;
      return connection;
    },
    async beginTransaction() {
      // A deferred transaction that begins to write cannot wait for another writer: it fails with BUSY at once.
      database.exec('begin immediate');
    },
    async commitTransaction() {
      database.exec('commit');
    },
    async rollbackTransaction() {
      // A full disk has already rolled back.
      if (database.isTransaction) database.exec('rollback');
    },
    async releaseConnection() {
      release();
    },
    async destroy() {
      database.close();
    },
  };
}

function sqliteConnection(database: DatabaseSync): DatabaseConnection {
  const prepare = statementCache(database);
  return {
    async executeQuery<R>({ sql: text, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      const { statement, returnsRows } = prepare(text);
      const values = parameters.map(bindable);
      if (returnsRows) return { rows: statement.all(...values) as R[] };
      const { changes, lastInsertRowid } = statement.run(...values);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    },
    async *streamQuery<R>({ sql: text, parameters }: CompiledQuery) {
      for (const row of database.prepare(text).iterate(...parameters.map(bindable))) yield { rows: [row as R] };
    },
  };
}

interface Prepared {
  statement: StatementSync;
  returnsRows: boolean;
}

function statementCache(database: DatabaseSync): (text: string) => Prepared {
  const cache = new LRUCache<string, Prepared>({ max: STATEMENTS });
  return (text) => {
    const known = cache.get(text);
    if (known) return known;
    const statement = database.prepare(text);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    cache.set(text, prepared);
    return prepared;
  };
}

/** Times as ISO 8601 UTC with milliseconds, which sort as text; booleans as 0 and 1. */
function bindable(value: unknown): SQLInputValue {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value as SQLInputValue;
}
