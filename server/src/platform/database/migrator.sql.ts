import type { Kysely } from 'kysely';
import { Migrator as KyselyMigrator, type MigrationResultSet } from 'kysely/migration';
import { columnsOf } from './columns.ts';
import { isContention } from './errors.ts';
import { contentionPause } from './guard.ts';
import { MigrationFailed, newerDatabase, stepFailed } from './migration-failed.ts';
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

/** Runs migrations by Kysely's migrator, under a lock of the database, which is released with the connection. */
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

  async function run(step: (migrator: KyselyMigrator) => Promise<MigrationResultSet>): Promise<string[]> {
    return database.unlimited(async (db) => {
      const migrator = new KyselyMigrator({
        db,
        provider: { getMigrations: async () => provided },
        migrationTableName: TABLE,
        migrationLockTableName: LOCK_TABLE,
        // Modules are developed in parallel: a migration that was merged late still applies.
        allowUnorderedMigrations: true,
        nameComparator: byName,
      });
      for (let attempt = 1; ; attempt++) {
        const { error, results } = await step(migrator);
        if (!error) return (results ?? []).map((result) => result.migrationName);
        if (!contended(error) || attempt === TRIES) throw failure(error, results);
        await contentionPause(0);
      }
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

function contended(error: unknown): boolean {
  return isContention(error) || (error instanceof Error && isContention(error.cause));
}

function failure(error: unknown, results: MigrationResultSet['results']): MigrationFailed {
  const message = error instanceof Error ? error.message : String(error);
  const missing = /previously executed migration (\S+) is missing/.exec(message)?.[1];
  if (missing) return newerDatabase([missing]);
  const failed = results?.find((result) => result.status === 'Error');
  return failed
    ? stepFailed(failed.migrationName, error)
    : new MigrationFailed(`The migrations could not be run: ${message}`, error);
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
