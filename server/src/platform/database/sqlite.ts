import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Dialect, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql } from 'kysely';
import { DatabaseUnreachable, isContention } from './errors.ts';
import { CONTENTION_TRIES, contentionPause } from './guard.ts';
import { openSql } from './sql-database.ts';
import { sqliteDriver } from './sqlite-driver.ts';
import { timeLimits } from './time-limits.ts';
import type { ConnectOptions, SqlDatabase } from './types.ts';
import type { SqliteTarget } from './url.ts';
import { createWatchdog } from './watchdog.ts';

/**
 * Milliseconds that SQLite waits for a writer of another process. The wait blocks the event loop, so it is short; with
 * the pauses between the attempts, which do not block, the total is some 5 s.
 */
const BUSY_TIMEOUT = 500;

/** Opens the file, and creates it (mode 0600) and its folder if needed. Throws `DatabaseUnreachable`. */
export async function connectSqlite(target: SqliteTarget, options: ConnectOptions): Promise<SqlDatabase> {
  const path = target.path === null ? null : resolve(target.path);
  let database: DatabaseSync;
  let reader: DatabaseSync | null;
  try {
    database = await openFile(path);
    reader = path === null ? null : new DatabaseSync(path, { timeout: BUSY_TIMEOUT, readOnly: true });
  } catch (error) {
    throw new DatabaseUnreachable(`The SQLite file ${path} cannot be used: ${reason(error)}.`, error);
  }
  return openSql(
    {
      dialect: 'sqlite',
      open: () => dialect(database, reader),
      // Bounds the wait for the only connection.
      watch: createWatchdog(timeLimits(options), async () => undefined),
      now: null,
      version: sql`select sqlite_version() as version`,
      productName: (version) => `SQLite ${version}`,
      separate: false,
      changes: { source: { kind: 'version', read: versionReader(database) }, end: async () => {} },
    },
    options,
  );
}

/** SQLite's own count of what other connections have committed; this connection's commits do not change it. */
function versionReader(database: DatabaseSync): () => number {
  const statement = database.prepare('pragma data_version');
  return () => Number(statement.get()?.data_version);
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

function dialect(database: DatabaseSync, reader: DatabaseSync | null): Dialect {
  return {
    createDriver: () => sqliteDriver(database, reader),
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
