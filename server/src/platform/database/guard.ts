import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely';
import { isContention, isUnavailable, unavailable, withoutValues } from './errors.ts';
import type { Refusals } from './refusals.ts';
import type { DatabaseLog } from './types.ts';
import type { Watch } from './watchdog.ts';

/** Attempts for work that other transactions keep rolling back. */
export const CONTENTION_TRIES = 10;
const CONTENTION_PAUSE = 10;

export interface GuardOptions {
  slowQuery: number;
  log: DatabaseLog;
  scope: TransactionScope;
  watch: Watch;
  refusals: Refusals;
  /** See `ConnectOptions`. */
  replica: boolean;
}

/** Tracks, across asynchronous calls, that a transaction of this database is open. */
export type TransactionScope = AsyncLocalStorage<{ open: boolean }>;

export function transactionScope(): TransactionScope {
  return new AsyncLocalStorage();
}

/** Waits a random time that grows with `attempt`, so that competing transactions do not collide again. */
export function contentionPause(attempt: number): Promise<void> {
  return pause(Math.ceil(Math.random() * CONTENTION_PAUSE * (attempt + 1)));
}

/**
 * A dialect whose statements throw `unavailable` (503) when the database is away, are repeated after a deadlock outside a
 * transaction, are logged when slow (text only, never parameters), accept only scalar parameters, and refuse the outer
 * database inside a transaction.
 */
export function guardDialect(dialect: Dialect, options: GuardOptions): Dialect {
  return {
    createDriver: () => guardDriver(dialect.createDriver(), options),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
  };
}

function guardDriver(driver: Driver, options: GuardOptions): Driver {
  const guarded = new WeakSet<DatabaseConnection>();
  const inTransaction = new WeakSet<DatabaseConnection>();
  const acquire = limitedAcquire(driver, options);
  const { refusals } = options;

  return {
    init: (init) => driver.init(init),
    async acquireConnection() {
      if (options.scope.getStore()?.open) {
        throw new TypeError(
          'The outer database was used inside a transaction; use the transaction that was passed in.',
        );
      }
      const connection = await acquire();
      if (!guarded.has(connection)) {
        guarded.add(connection);
        guardConnection(connection, inTransaction, options);
      }
      return connection;
    },
    async beginTransaction(connection, settings) {
      inTransaction.add(connection);
      await driver.beginTransaction(connection, settings).catch((error) => rethrow(error, refusals));
    },
    async commitTransaction(connection) {
      await driver.commitTransaction(connection).catch((error) => rethrow(error, refusals));
    },
    async rollbackTransaction(connection) {
      // A rollback fails only if the connection is lost, which is a rollback too; the first error is the one to report.
      await driver.rollbackTransaction(connection).catch(() => undefined);
    },
    async releaseConnection(connection) {
      inTransaction.delete(connection);
      await driver.releaseConnection(connection);
    },
    destroy: () => driver.destroy(),
  };
}

/** Bounds the wait for a connection, and logs when the database is lost and back; the caller reports one that was never reachable. */
function limitedAcquire(driver: Driver, { log, watch, replica }: GuardOptions): () => Promise<DatabaseConnection> {
  let state: 'unknown' | 'here' | 'away' = 'unknown';
  return async () => {
    const arriving = driver.acquireConnection();
    try {
      const connection = await watch(arriving);
      if (state === 'away' && !replica) log.warn({}, 'The database is back.');
      state = 'here';
      return connection;
    } catch (error) {
      arriving.then((late) => driver.releaseConnection(late)).catch(() => undefined);
      if (state === 'here') {
        if (!replica) log.warn({ err: error }, 'The database is away.');
        state = 'away';
      }
      throw unavailable(error);
    }
  };
}

function guardConnection(
  connection: DatabaseConnection,
  inTransaction: WeakSet<DatabaseConnection>,
  { slowQuery, log, replica, refusals }: GuardOptions,
): void {
  const execute = connection.executeQuery.bind(connection);

  async function once<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const start = performance.now();
    try {
      return await execute<R>(query);
    } finally {
      const duration = performance.now() - start;
      if (duration >= slowQuery) log.warn({ sql: query.sql, duration: Math.round(duration) }, 'slow query');
    }
  }

  // A replica cancels statements that block its replay, and would again: the primary runs a long statement better.
  const tries = replica ? 1 : CONTENTION_TRIES;
  connection.executeQuery = async <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
    checkParameters(query.parameters);
    for (let attempt = 0; ; attempt++) {
      try {
        return await once<R>(query);
      } catch (error) {
        if (inTransaction.has(connection) || !isContention(error)) rethrow(error, refusals);
        if (attempt + 1 >= tries) throw unavailable(withoutValues(error));
        await contentionPause(attempt);
      }
    }
  };
}

/** Contention is passed on: the owner of the transaction repeats it. */
function rethrow(error: unknown, refusals: Refusals): never {
  const clean = withoutValues(error);
  refusals.note(clean);
  throw isUnavailable(clean) && !isContention(clean) ? unavailable(clean) : clean;
}

/**
 * Drivers interpret objects and arrays (mysql2 expands them into SQL text, pg into JSON or arrays) and turn undefined into
 * null; a value that slipped through validation must not be interpreted so.
 */
function checkParameters(parameters: readonly unknown[]): void {
  for (const value of parameters) {
    if (value === null || value instanceof Uint8Array) continue;
    if (value instanceof Date && !Number.isNaN(value.getTime())) continue;
    const type = typeof value;
    if (type === 'string' || type === 'number' || type === 'bigint' || type === 'boolean') continue;
    throw new TypeError(`A query parameter must be a scalar, a valid Date, bytes or null, not ${type}.`);
  }
}
