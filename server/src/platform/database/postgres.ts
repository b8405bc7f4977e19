import {
  type DatabaseIntrospector,
  type Dialect,
  type Kysely,
  PostgresAdapter,
  PostgresDialect,
  PostgresIntrospector,
  type PostgresPool,
  type PostgresPoolClient,
  sql,
} from 'kysely';
import pg from 'pg';
import { isContention, isUnavailable } from './errors.ts';
import { hasPooler, perTransaction, type Query, type Settings, splitOptions } from './pooled-postgres.ts';
import { watchServer } from './probe.ts';
import { openSql, type PoolOptions } from './sql-database.ts';
import { timeLimits } from './time-limits.ts';
import { tlsOptions } from './tls.ts';
import type { ConnectOptions, SqlDatabase } from './types.ts';
import { unreachable } from './unreachable.ts';
import type { ServerTarget } from './url.ts';
import type { Watch } from './watchdog.ts';

/** Maximum number of prepared statement texts; each connection keeps them for its lifetime. */
const NAMED_STATEMENTS = 300;

const INT8 = 20;
const NUMERIC = 1700;

/** A key of advisory locks, the one of Kysely's migrator. */
const MIGRATION_LOCK = 3_853_314_791_062_309_107n;

/** Opens a pool. Throws `DatabaseUnreachable`. */
export async function connectPostgres(target: ServerTarget, options: ConnectOptions): Promise<SqlDatabase> {
  try {
    const isPooled = await isWithoutSession(target, options);
    return await openSql(
      {
        dialect: 'postgres',
        open: (pool) => dialect(postgresPool(target, { ...options, isPooled }, pool)),
        watch: watchServer(target, timeLimits(options)),
        now: sql`select clock_timestamp() as now`,
        version: sql`select current_setting('server_version') as version`,
        productName: (version) => `PostgreSQL ${version.split(' ')[0]}${isPooled ? ' behind a pooler' : ''}`,
        separate: true,
      },
      options,
    );
  } catch (error) {
    throw unreachable(target, error, options);
  }
}

async function isWithoutSession(
  target: ServerTarget,
  { ca = null, pooler = 'auto', patience }: ConnectOptions,
): Promise<boolean> {
  if (pooler === 'off') return false;
  if (pooler === 'transaction' || target.postgres?.isPooled) return true;
  return hasPooler({
    ...placeOf(target, ca),
    ...startUp(target, true).config,
    connectionTimeoutMillis: timeLimits({ patience }).connect,
  });
}

/** The lock of migrations lasts as long as their transaction: one of a session would stay behind in a pooler. */
export function lockMigrations(db: Kysely<unknown>): Promise<unknown> {
  return sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(db);
}

function dialect(pool: PostgresPool): Dialect {
  const postgres = new PostgresDialect({ pool });
  return {
    createDriver: () => postgres.createDriver(),
    createQueryCompiler: () => postgres.createQueryCompiler(),
    createAdapter: () =>
      Object.defineProperties(new PostgresAdapter(), {
        // The migrator of this project holds it already.
        acquireMigrationLock: { value: async () => {} },
        releaseMigrationLock: { value: async () => {} },
      }),
    createIntrospector: visibleTables,
  };
}

/** Tables that an unqualified name leads to: another installation may be in another schema of this database. */
function visibleTables(db: Kysely<unknown>): DatabaseIntrospector {
  const all = new PostgresIntrospector(db);
  return {
    getSchemas: () => all.getSchemas(),
    async getTables(options) {
      const { rows } = await sql<{ schema: string; name: string }>`
        select n.nspname as schema, c.relname as name from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where pg_catalog.pg_table_is_visible(c.oid)`.execute(db);
      const visible = new Set(rows.map(({ schema, name }) => JSON.stringify([schema, name])));
      const tables = await all.getTables(options);
      return tables.filter(({ schema, name }) => visible.has(JSON.stringify([schema, name])));
    },
  };
}

/** Where and as whom to connect. Throws `DatabaseUnreachable` for a certificate that cannot be read. */
function placeOf(target: ServerTarget, authority: string | null): pg.ClientConfig {
  const { hosts, port, user, password, database, postgres } = target;
  const [host = ''] = hosts;
  return {
    ...{ host, port, user, password, database },
    ...(!host.startsWith('/') && tlsOf(target, authority, host)),
    application_name: postgres?.applicationName ?? 'ostiary',
    enableChannelBinding: postgres?.channelBinding ?? false,
    keepAlive: true,
  };
}

/** Nothing where the URL does not say: the driver then follows `PGSSLMODE`. */
function tlsOf({ tls, postgres }: ServerTarget, authority: string | null, host: string): Partial<pg.ClientConfig> {
  const ssl = tlsOptions(tls, authority, host);
  if (ssl === null) return tls === null ? {} : { ssl: false };
  return { ssl, ...(postgres?.isDirectTls && { sslnegotiation: 'direct' }) };
}

/** What a session begins with: as parameters of the connection, or, where a pooler would refuse them, as settings of each transaction. */
function startUp({ postgres }: ServerTarget, isPooled: boolean): { config: { options?: string }; settings: Settings } {
  const given = postgres?.options ?? '';
  const path = postgres?.searchPath ?? null;
  if (isPooled) {
    const { settings, rest } = splitOptions(given);
    return {
      config: rest === '' ? {} : { options: rest },
      settings: [...settings, ...(path === null ? [] : [['search_path', path] as const])],
    };
  }
  const options = [given, ...(path === null ? [] : [`-c search_path=${path.replaceAll(' ', '')}`])].join(' ').trim();
  return { config: options === '' ? {} : { options }, settings: [] };
}

function postgresPool(
  target: ServerTarget,
  { ca = null, patience, isPooled }: ConnectOptions & { isPooled: boolean },
  { size, limits, watch }: PoolOptions,
): PostgresPool {
  const { connect, statement } = timeLimits({ patience });
  const { config, settings } = startUp(target, isPooled);
  const timeouts = {
    statement_timeout: limits ? statement : 0,
    idle_in_transaction_session_timeout: limits ? statement : 0,
  };
  const pool = new pg.Pool({
    ...placeOf(target, ca),
    ...config,
    max: size,
    types: { getTypeParser },
    Client: timedClient(connect),
    ...(limits && !isPooled && timeouts),
  });
  // Without a listener, a lost connection, idle or in use, would end the process.
  pool.on('error', ignore);
  pool.on('connect', (client) => client.on('error', ignore));

  // A prepared statement belongs to a session.
  const nameOf = isPooled ? noNames : statementNames();
  const limited = Object.entries(timeouts).map(([name, value]) => [name, `${value}`] as const);
  const inSession = isPooled ? [...settings, ...limited] : null;
  const wrapped = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  return {
    options: pool.options,
    async connect() {
      const client = await pool.connect();
      let known = wrapped.get(client);
      if (!known) {
        known = wrapClient(client, nameOf, watch, inSession);
        wrapped.set(client, known);
      }
      return known;
    },
    end: () => pool.end(),
  };
}

function ignore() {}

/** The pool's own time-out would also bound the wait for a busy connection, which may be longer. */
function timedClient(connectionTimeoutMillis: number) {
  return class extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      // The pool hides the password from a copy.
      super({ ...config, password: config?.password, connectionTimeoutMillis });
    }
  };
}

function wrapClient(
  client: pg.PoolClient,
  nameOf: StatementNames,
  watch: Watch,
  settings: Settings | null,
): PostgresPoolClient {
  let lost = false;
  async function query(text: string, parameters: readonly unknown[] = []) {
    // Kysely rolls back after a failure; the rollback would wait for a statement that still runs.
    if (lost) throw new Error('Connection terminated');
    const name = nameOf.get(text, parameters);
    try {
      return await watch(client.query({ text, values: [...parameters], ...(name && { name }) }));
    } catch (error) {
      // After a time-out the connection is still busy with the old statement, and a server that was failed over stays
      // read-only: it must not be reused.
      if (isUnavailable(error)) lost = true;
      if (isContention(error)) nameOf.forget(text);
      throw error;
    }
  }
  const run: Query = settings === null ? query : perTransaction(settings, query);
  // The cursors in the driver's type are for streaming, which needs a package that is not installed.
  return { query: run as unknown as PostgresPoolClient['query'], release: () => client.release(lost) };
}

interface StatementNames {
  get(text: string, parameters: readonly unknown[]): string | undefined;
  /** A named `select *` fails permanently after a column was added: it gets a new name. */
  forget(text: string): void;
}

const noNames: StatementNames = { get: () => undefined, forget() {} };

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
