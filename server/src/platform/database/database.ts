import type { Clock } from '../clock.ts';
import type { ConnectOptions, Database, MongoDatabase, SqlDatabase } from './types.ts';
import { databaseTarget } from './url.ts';

export { DatabaseUnreachable, insertedIndexes, isUnavailable, uniqueViolation } from './errors.ts';
export type { ConnectOptions, Database, DatabaseLog, Dialect, MongoDatabase, SqlDatabase } from './types.ts';

/**
 * Opens the database of `url` and checks that it answers: `await connectDatabase({ url: 'sqlite::memory:', poolSize: 1, slowQuery: 200, log })`.
 * Throws `DatabaseUnreachable` with one sentence that says where and why, without the password.
 */
export async function connectDatabase(options: ConnectOptions): Promise<Database> {
  const target = databaseTarget(options.url);
  // Only the used driver is loaded: together they take 40 MB.
  switch (target.product) {
    case 'SQLite':
      return (await import('./sqlite.ts')).connectSqlite(target, options);
    case 'PostgreSQL':
      return (await import('./postgres.ts')).connectPostgres(target, options);
    case 'MySQL':
      return (await import('./mysql.ts')).connectMysql(target, options);
    case 'MongoDB':
      return (await import('./mongo.ts')).connectMongo(target, options);
  }
}

/** The SQL database with the tables of one store as its type. Throws a TypeError on MongoDB: the composition chose the wrong store. */
export function sqlOf<Tables>(database: Database): SqlDatabase<Tables> {
  if (database.kind !== 'sql') throw new TypeError('An SQL store was built on MongoDB.');
  return database as unknown as SqlDatabase<Tables>;
}

/** The MongoDB database. Throws a TypeError on SQL: the composition chose the wrong store. */
export function mongoOf(database: Database): MongoDatabase {
  if (database.kind !== 'mongo') throw new TypeError('A MongoDB store was built on SQL.');
  return database;
}

/** Milliseconds by which the database's clock is ahead of `clock`, accurate to half a round trip; 0 on SQLite. */
export async function clockSkew(database: Database, clock: Clock): Promise<number> {
  if (database.kind === 'sql' && database.dialect === 'sqlite') return 0;
  const before = clock().getTime();
  const { now } = await database.ping();
  const after = clock().getTime();
  return Math.round(now.getTime() - (before + after) / 2) + 0;
}
