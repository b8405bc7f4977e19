import { connect, isIP, type Socket } from 'node:net';
import { MysqlDialect, type MysqlPool, type MysqlPoolConnection, type MysqlQueryResult, sql } from 'kysely';
import { type ConnectionOptions, createPool, type PoolConnection } from 'mysql2';
import { isUnavailable } from './errors.ts';
import { watchServer } from './probe.ts';
import { openSql, type PoolOptions } from './sql-database.ts';
import { type TimeLimits, timeLimits } from './time-limits.ts';
import { isNameChecked, tlsOptions } from './tls.ts';
import type { ConnectOptions, SqlDatabase } from './types.ts';
import { unreachable } from './unreachable.ts';
import type { ServerTarget } from './url.ts';
import type { Watch } from './watchdog.ts';

const SESSION = [
  'set session transaction isolation level read committed',
  // The driver escapes values into the text, with backslashes: NO_BACKSLASH_ESCAPES in a server's default mode would
  // make that an injection. Strict, so that a value that does not fit is an error and is never truncated.
  "set time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
];

// Only MariaDB runs the first comment (seconds), only MySQL the second (milliseconds, and for SELECT only).
const sessionLimits = ({ statement }: TimeLimits) =>
  `set innodb_lock_wait_timeout = ${statement / 1000 - 1} /*M! , max_statement_time = ${statement / 1000} */ /*!80000 , max_execution_time = ${statement} */`;

/** Opens a pool to MySQL 8.0.17 or later, or MariaDB 10.6 or later. Throws `DatabaseUnreachable`. */
export async function connectMysql(target: ServerTarget, options: ConnectOptions): Promise<SqlDatabase> {
  try {
    return await openSql(
      {
        dialect: 'mysql',
        open: (pool) => new MysqlDialect({ pool: mysqlPool(target, options, pool) }),
        watch: watchServer(target, timeLimits(options)),
        now: sql`select utc_timestamp(3) as now`,
        version: sql`select version() as version`,
        productName: (version) => `${version.includes('MariaDB') ? 'MariaDB' : 'MySQL'} ${version.split('-')[0]}`,
        separate: true,
      },
      options,
    );
  } catch (error) {
    throw unreachable(target, error, options);
  }
}

function mysqlPool(
  target: ServerTarget,
  { ca = null, patience }: ConnectOptions,
  { size, limits, watch }: PoolOptions,
): MysqlPool {
  const times = timeLimits({ patience });
  const pool = createPool({
    ...placeOf(target, ca),
    connectionLimit: size,
    connectTimeout: times.connect,
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    // Exact or an error: a BIGINT that does not fit a number is returned as text.
    supportBigNumbers: true,
    decimalNumbers: true,
    // An object in a query must stay one value, and never become SQL.
    stringifyObjects: true,
    // A server must not be able to request this machine's files.
    flags: ['-LOCAL_FILES'],
  });
  pool.on('connection', (connection) => {
    connection.on('error', ignore);
    for (const text of limits ? [...SESSION, sessionLimits(times)] : SESSION) {
      connection.query(text, (error) => {
        if (error) connection.destroy();
      });
    }
  });

  const wrapped = new WeakMap<PoolConnection, MysqlPoolConnection>();
  return {
    getConnection(callback) {
      pool.getConnection((error, connection) => {
        if (error) return callback(error, undefined as never);
        let known = wrapped.get(connection);
        if (!known) {
          known = wrapConnection(connection, watch);
          wrapped.set(connection, known);
        }
        callback(null, known);
      });
    },
    end: (callback) => pool.end(callback),
  };
}

/** Where and as whom to connect. Throws `DatabaseUnreachable` for a certificate that cannot be read. */
function placeOf(target: ServerTarget, authority: string | null): ConnectionOptions {
  const { hosts, port, user, password, database } = target;
  const [host = ''] = hosts;
  const access = { user, password, database };
  if (host.startsWith('/')) return { ...access, socketPath: host };
  const tls = tlsOptions(target.tls, authority, host);
  if (tls === null) return { ...access, host, port };
  // The driver compares the name itself, if it is told to.
  const { checkServerIdentity: _, ...rest } = tls;
  const ssl = { ...rest, verifyIdentity: isNameChecked(target.tls, tls.ca ?? null) };
  return { ...access, host, port, ssl, ...(isIP(host) !== 0 && { stream: () => socketTo(host, port) }) };
}

/** A certificate is compared with the name that the socket has, which Node sets only where it looks one up: an address would count as `localhost`. */
function socketTo(address: string, port: number): Socket {
  return Object.assign(connect({ host: address, port, keepAlive: true, noDelay: true }), { _host: address });
}

function ignore() {}

const NO_STREAM = {
  stream(): never {
    throw new TypeError('Rows are not streamed here; read them in pages.');
  },
};

function wrapConnection(connection: PoolConnection, watch: Watch): MysqlPoolConnection {
  let lost = false;
  function query(text: string, values: unknown[]): Promise<MysqlQueryResult> {
    return new Promise((resolve, reject) => {
      connection.query({ sql: text, values }, (error, result) => {
        if (error) reject(error);
        else resolve(result as MysqlQueryResult);
      });
    });
  }
  return {
    config: connection.config,
    threadId: connection.threadId ?? 0,
    connect: (callback) => connection.connect(callback),
    destroy: () => connection.destroy(),
    query(text: string, values: unknown[], callback?: (error: unknown, result: MysqlQueryResult) => void) {
      // Kysely rolls back after a failure; the rollback would wait for a statement that still runs.
      const result = lost ? Promise.reject(new Error('Connection terminated')) : watch(query(text, values));
      result.then(
        (rows) => callback?.(null, rows),
        (error) => {
          // After a time-out the connection is still busy with the old statement: it must not be reused.
          if (isUnavailable(error)) lost = true;
          callback?.(error, []);
        },
      );
      return NO_STREAM;
    },
    release() {
      if (lost) connection.destroy();
      else connection.release();
    },
  };
}
