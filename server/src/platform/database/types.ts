import type { Kysely, Transaction } from 'kysely';
import type { Db, MongoClient } from 'mongodb';
import type { ChangeSource } from './change-watch.ts';
import type { Refusal } from './refusals.ts';

export type Dialect = 'sqlite' | 'postgres' | 'mysql';

/** The log of the database; a pino logger fits. */
export interface DatabaseLog {
  warn(fields: object, message: string): void;
}

/** An open SQL database. `Tables` is the Kysely schema of the store: `sqlOf<Tables>(database)`. */
export interface SqlDatabase<Tables = unknown> {
  kind: 'sql';
  dialect: Dialect;
  /** Product and version, such as `PostgreSQL 15.19`. */
  name: string;
  db: Kysely<Tables>;
  /**
   * Runs `work` in one transaction at READ COMMITTED (SQLite: serialisable, `begin immediate`), and again from the
   * start after a deadlock or serialisation failure, so `work` must have no effect but through `trx`.
   * Throws `unavailable` (503) when the database is away or stays contended.
   *
   * Use `trx` only: the outer `db` inside `work` would wait for itself on SQLite, and write outside the transaction
   * elsewhere. It throws a TypeError, on every dialect.
   */
  transaction<T>(work: (trx: Transaction<Tables>) => Promise<T>): Promise<T>;
  /** How it tells what other connections commit; null: it does not. For `watchChanges`. */
  changes: ChangeSource | null;
  /** The database's clock; throws `unavailable` without an answer within a second. */
  ping(): Promise<{ now: Date }>;
  /** The last statement that it refused because it takes no writes; null: none. */
  lastRefusal(): Refusal | null;
  /** Runs `work` on a connection without time limits, for migrations and other maintenance. */
  unlimited<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** An open MongoDB database. Everything reached through `db` turns a lost server into `unavailable` (503). */
export interface MongoDatabase {
  kind: 'mongo';
  /** Product and version, such as `MongoDB 8.0.1`. */
  name: string;
  db: Db;
  client: MongoClient;
  /** The database's clock; throws `unavailable` without an answer within a second. */
  ping(): Promise<{ now: Date }>;
  /** The last statement that it refused because it takes no writes; null: none. */
  lastRefusal(): Refusal | null;
  /** Runs `work` on a connection without time limits, for migrations and other maintenance. */
  unlimited<T>(work: (db: Db) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export type Database = SqlDatabase | MongoDatabase;

export interface ConnectOptions {
  /** `sqlite:`, `postgres:`, `mysql:` (also `mariadb:`) or `mongodb:`. */
  url: string;
  /** PEM certificates, trusted for the server instead of the public authorities; with them TLS is required unless the URL says `no-verify`. */
  ca?: string | null;
  /** Whether PostgreSQL is behind a pooler that changes sessions between transactions; `auto`, the default, asks. */
  pooler?: 'auto' | 'transaction' | 'off';
  /** Maximum number of connections; SQLite always has one. */
  poolSize: number;
  /** Milliseconds from which a statement is logged at `warn`. */
  slowQuery: number;
  log: DatabaseLog;
  /** A factor by which all limits of time are longer; for tests, on machines that are busy. Default: 1. */
  patience?: number;
  /** Only for reads, by a caller who also has the primary: errors are reported at once, and the caller logs them. */
  replica?: boolean;
}
