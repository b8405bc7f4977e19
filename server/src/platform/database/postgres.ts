import { PostgresDialect, type PostgresPool, type PostgresPoolClient, sql } from 'kysely';
import pg from 'pg';
import { isContention, isUnavailable } from './errors.ts';
import { watchServer } from './probe.ts';
import { ANSWER_TIMEOUT, CONNECT_TIMEOUT, openSql, type PoolOptions, STATEMENT_TIMEOUT } from './sql-database.ts';
import type { ConnectOptions, SqlDatabase } from './types.ts';
import { unreachable } from './unreachable.ts';
import type { ServerTarget } from './url.ts';
import type { Watch } from './watchdog.ts';

/** Maximum number of prepared statement texts; each connection keeps them for its lifetime. */
const NAMED_STATEMENTS = 300;

const INT8 = 20;
const NUMERIC = 1700;

/** Opens a pool. Throws `DatabaseUnreachable`. */
export async function connectPostgres(target: ServerTarget, options: ConnectOptions): Promise<SqlDatabase> {
  try {
    return await openSql(
      {
        dialect: 'postgres',
        open: (pool) => new PostgresDialect({ pool: postgresPool(target, pool) }),
        watch: watchServer(target, ANSWER_TIMEOUT),
        now: sql`select clock_timestamp() as now`,
        version: sql`select current_setting('server_version') as version`,
        productName: (version) => `PostgreSQL ${version.split(' ')[0]}`,
        separate: true,
      },
      options,
    );
  } catch (error) {
    throw unreachable(target, error);
  }
}

function postgresPool(target: ServerTarget, { size, limits, watch }: PoolOptions): PostgresPool {
  const pool = new pg.Pool({
    connectionString: target.url,
    application_name: 'ostiary',
    max: size,
    keepAlive: true,
    types: { getTypeParser },
    Client: TimedClient,
    ...(limits && {
      statement_timeout: STATEMENT_TIMEOUT,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT,
    }),
  });
  // Without a listener, a lost connection, idle or in use, would end the process.
  pool.on('error', ignore);
  pool.on('connect', (client) => client.on('error', ignore));

  const nameOf = statementNames();
  const wrapped = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  return {
    options: pool.options,
    async connect() {
      const client = await pool.connect();
      let known = wrapped.get(client);
      if (!known) {
        known = wrapClient(client, nameOf, watch);
        wrapped.set(client, known);
      }
      return known;
    },
    end: () => pool.end(),
  };
}

function ignore() {}

/** The pool's own time-out would also bound the wait for a busy connection, which may be longer. */
class TimedClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super({ ...config, connectionTimeoutMillis: CONNECT_TIMEOUT });
  }
}

function wrapClient(client: pg.PoolClient, nameOf: StatementNames, watch: Watch): PostgresPoolClient {
  let lost = false;
  async function query(text: string, parameters: readonly unknown[] = []) {
    // Kysely rolls back after a failure; the rollback would wait for a statement that still runs.
    if (lost) throw new Error('Connection terminated');
    const name = nameOf.get(text, parameters);
    try {
      return await watch(client.query({ text, values: [...parameters], ...(name && { name }) }));
    } catch (error) {
      // After a time-out the connection is still busy with the old statement: it must not be reused.
      if (isUnavailable(error)) lost = true;
      if (isContention(error)) nameOf.forget(text);
      throw error;
    }
  }
  // The cursors in the driver's type are for streaming, which needs a package that is not installed.
  return { query: query as unknown as PostgresPoolClient['query'], release: () => client.release(lost) };
}

interface StatementNames {
  get(text: string, parameters: readonly unknown[]): string | undefined;
  /** A named `select *` fails permanently after a column was added: it gets a new name. */
  forget(text: string): void;
}

/** Names the first texts only, so that the memory of the database server stays bounded. */
function statementNames(): StatementNames {
  const names = new Map<string, string>();
  let count = 0;
  return {
    get(text, parameters) {
      const known = names.get(text);
      if (known || parameters.length === 0 || count >= NAMED_STATEMENTS) return known;
      count++;
      const name = `s${count}`;
      names.set(text, name);
      return name;
    },
    forget(text) {
      names.delete(text);
    },
  };
}

function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === INT8 || oid === NUMERIC) return exactNumber;
  return pg.types.getTypeParser(oid, format);
}

/** Counts and sums as numbers; throws instead of rounding an integer that does not fit. */
function exactNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) throw new RangeError('An integer is too large.');
  return number;
}
