import { Kysely, type Dialect as KyselyDialect, type RawBuilder } from 'kysely';
import type { ChangeSource } from './change-watch.ts';
import { isContention, unavailable } from './errors.ts';
import { CONTENTION_TRIES, contentionPause, guardDialect, transactionScope } from './guard.ts';
import { createRefusals } from './refusals.ts';
import { within } from './time-limit.ts';
import { timeLimits } from './time-limits.ts';
import type { ConnectOptions, Dialect, SqlDatabase } from './types.ts';
import { noWatch, type Watch } from './watchdog.ts';

const CLOSE_TIMEOUT = 5000;

export interface PoolOptions {
  size: number;
  limits: boolean;
  watch: Watch;
}

export interface SqlSetup {
  dialect: Dialect;
  /** A new driver each time; without `limits`, statements may take as long as they need. */
  open(pool: PoolOptions): KyselyDialect;
  /** Distinguishes a silent server from a slow statement. */
  watch: Watch;
  /** One row with a column `now`; null if the database uses this process's clock. */
  now: RawBuilder<{ now: Date }> | null;
  version: RawBuilder<{ version: string }>;
  productName(version: string): string;
  /** Whether several pools can see the same data: not in memory. */
  separate: boolean;
  /** `end` closes what listening has opened. */
  changes: { source: ChangeSource; end(): Promise<void> } | null;
}

/** Builds the SQL database from the differences between the dialects. Throws the driver's error if it does not answer. */
export async function openSql(setup: SqlSetup, options: ConnectOptions): Promise<SqlDatabase> {
  const scope = transactionScope();
  const refusals = createRefusals();
  const open = (pool: PoolOptions, slowQuery: number) =>
    new Kysely<unknown>({
      dialect: guardDialect(setup.open(pool), {
        slowQuery,
        log: options.log,
        scope,
        watch: pool.watch,
        refusals,
        replica: options.replica ?? false,
      }),
    });
  const db = open({ size: options.poolSize, limits: true, watch: setup.watch }, options.slowQuery);

  // MySQL's sessions have this level from the start; setting it again would cost a round trip.
  const begin = () =>
    setup.dialect === 'postgres' ? db.transaction().setIsolationLevel('read committed') : db.transaction();

  async function close(): Promise<void> {
    const ends = Promise.all([setup.changes?.end(), db.destroy()]);
    await within(CLOSE_TIMEOUT, ends).catch(() => undefined);
  }

  const version = await firstRow(setup.version, db).catch(async (error) => {
    await close();
    throw error;
  });

  return {
    kind: 'sql',
    dialect: setup.dialect,
    name: setup.productName(version.version),
    db,
    changes: setup.changes?.source ?? null,
    close,
    lastRefusal: refusals.last,
    async ping() {
      const query = setup.now;
      if (!query) return { now: new Date() };
      return within(timeLimits(options).ping, firstRow(query, db));
    },
    async transaction(work) {
      for (let attempt = 0; ; attempt++) {
        const state = { open: true };
        try {
          return await begin().execute((trx) => scope.run(state, () => work(trx)));
        } catch (error) {
          if (!isContention(error)) throw error;
          if (attempt + 1 >= CONTENTION_TRIES) throw unavailable(error);
        } finally {
          // Background work of `work` may use the outer database from now on.
          state.open = false;
        }
        await contentionPause(attempt);
      }
    },
    async unlimited(work) {
      if (!setup.separate) return work(db);
      const maintenance = open({ size: 1, limits: false, watch: noWatch }, Number.POSITIVE_INFINITY);
      try {
        return await work(maintenance);
      } finally {
        await within(CLOSE_TIMEOUT, maintenance.destroy()).catch(() => undefined);
      }
    },
  };
}

async function firstRow<Row>(query: RawBuilder<Row>, db: Kysely<unknown>): Promise<Row> {
  const { rows } = await query.execute(db);
  const [row] = rows;
  if (!row) throw new Error('The database returned no row.');
  return row;
}
