import type { Kysely } from 'kysely';
import { Migrator as KyselyMigrator, type MigrationResultSet } from 'kysely/migration';
import { columnsOf } from './columns.ts';
import { isContention } from './errors.ts';
import { contentionPause } from './guard.ts';
import { type MigrationFailed, newerDatabase, runFailed, stepFailed } from './migration-failed.ts';
import { byName, type MigrationStatus, statusList } from './migration-status.ts';
import type { Migrations, Migrator } from './migrations.ts';
import type { SqlDatabase } from './types.ts';

const TABLE = 'ostiary_migrations';
const LOCK_TABLE = 'ostiary_migration_lock';

/**
 * Attempts while another process migrates the same SQLite file; each waits half a second or more. On other databases the
 * process waits for the lock in the database.
 */
const TRIES = 600;

interface MigrationTables {
  [TABLE]: { name: string; timestamp: string };
}

/** Runs migrations by Kysely's migrator, under a lock of the database, which is released with the connection or the transaction. */
export function sqlMigrator(database: SqlDatabase, migrations: Migrations): Migrator {
  const columns = columnsOf(database);
  const provided = Object.fromEntries(
    Object.entries(migrations).map(([name, { sql }]) => [
      name,
      {
        up: (db: Kysely<unknown>) => sql.up(db, columns),
        down: (db: Kysely<unknown>) => sql.down(db, columns),
      },
    ]),
  );

  function migratorOf(db: Kysely<unknown>): KyselyMigrator {
    return new KyselyMigrator({
      db,
      provider: { getMigrations: async () => provided },
      migrationTableName: TABLE,
      migrationLockTableName: LOCK_TABLE,
      // Modules are developed in parallel: a migration that was merged late still applies.
      allowUnorderedMigrations: true,
      nameComparator: byName,
    });
  }

  async function run(step: (migrator: KyselyMigrator) => Promise<MigrationResultSet>): Promise<string[]> {
    return database.unlimited(async (db) => {
      for (let attempt = 1; ; attempt++) {
        let results: MigrationResultSet['results'];
        try {
          await underLock(db, async (db) => {
            await createTables(db);
            const outcome = await step(migratorOf(db));
            results = outcome.results;
            if (outcome.error) throw outcome.error;
          });
          return (results ?? []).map((result) => result.migrationName);
        } catch (error) {
          if (!contended(error) || attempt === TRIES) throw failure(error, results);
        }
        await contentionPause(0);
      }
    });
  }

  /** Kysely's locks suffice but on PostgreSQL, where one would be taken for a session. */
  async function underLock(db: Kysely<unknown>, work: (db: Kysely<unknown>) => Promise<void>): Promise<void> {
    if (database.dialect !== 'postgres') return work(db);
    const { lockMigrations } = await import('./postgres.ts');
    await db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (trx) => {
        await lockMigrations(trx);
        await work(trx);
      });
  }

  return {
    up: () => run((migrator) => migrator.migrateToLatest()),
    async down(steps = 1) {
      const reverted: string[] = [];
      for (let step = 0; step < steps; step++) {
        const names = await run((migrator) => migrator.migrateDown());
        if (names.length === 0) break;
        reverted.push(...names);
      }
      return reverted;
    },
    status: () => statusOf(database, Object.keys(migrations)),
  };
}

/** Kysely's own tables, made here first: where it may not make them it would report what it tries afterwards. */
async function createTables(db: Kysely<unknown>): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  const isMissing = (name: string) => !tables.some((table) => table.name === name);
  if (isMissing(TABLE)) {
    await db.schema
      .createTable(TABLE)
      .ifNotExists()
      .addColumn('name', 'varchar(255)', (column) => column.notNull().primaryKey())
      .addColumn('timestamp', 'varchar(255)', (column) => column.notNull())
      .execute();
  }
  if (isMissing(LOCK_TABLE)) {
    await db.schema
      .createTable(LOCK_TABLE)
      .ifNotExists()
      .addColumn('id', 'varchar(255)', (column) => column.notNull().primaryKey())
      .addColumn('is_locked', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
  }
}

function contended(error: unknown): boolean {
  return isContention(error) || (error instanceof Error && isContention(error.cause));
}

function failure(error: unknown, results: MigrationResultSet['results']): MigrationFailed {
  const message = error instanceof Error ? error.message : String(error);
  const missing = /previously executed migration (\S+) is missing/.exec(message)?.[1];
  if (missing) return newerDatabase([missing]);
  const failed = results?.find((result) => result.status === 'Error');
  return failed ? stepFailed(failed.migrationName, error) : runFailed(error);
}

async function statusOf({ db }: SqlDatabase, names: string[]): Promise<MigrationStatus[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  const applied = new Map<string, Date>();
  if (tables.some((table) => table.name === TABLE)) {
    const rows = await (db as Kysely<MigrationTables>).selectFrom(TABLE).select(['name', 'timestamp']).execute();
    for (const { name, timestamp } of rows) applied.set(name, new Date(timestamp));
  }
  return statusList(names, applied);
}
