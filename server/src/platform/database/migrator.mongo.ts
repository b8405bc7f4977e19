import type { Collection, Db } from 'mongodb';
import { newerDatabase, stepFailed } from './migration-failed.ts';
import { byName, statusList } from './migration-status.ts';
import type { Migration, Migrations, Migrator } from './migrations.ts';
import { withLease } from './mongo-lease.ts';
import type { MongoDatabase } from './types.ts';

interface AppliedMigration {
  _id: string;
  appliedAt: Date;
}

/** Runs migrations one after another under a lease in the database; one that a crash interrupted is run again. */
export function mongoMigrator(database: MongoDatabase, migrations: Migrations): Migrator {
  const names = Object.keys(migrations).sort(byName);

  /** Returns the applied ones, oldest first. */
  async function checked(db: Db): Promise<[string, Date][]> {
    const applied = [...(await appliedIn(db))];
    const unknown = applied.map(([name]) => name).filter((name) => !migrations[name]);
    if (unknown.length > 0) throw newerDatabase(unknown);
    return applied.sort(([a, at], [b, bt]) => at.getTime() - bt.getTime() || byName(a, b));
  }

  async function step(name: string, run: (mongo: Migration['mongo']) => Promise<void>): Promise<void> {
    const migration = migrations[name];
    if (!migration) throw newerDatabase([name]);
    await run(migration.mongo).catch((error) => {
      throw stepFailed(name, error);
    });
  }

  return {
    up: () =>
      database.unlimited((db) =>
        withLease(db, async (keep) => {
          const applied = await checked(db);
          const pending = names.filter((name) => !applied.some(([known]) => known === name));
          let last = applied.at(-1)?.[1].getTime() ?? 0;
          for (const name of pending) {
            await keep();
            await step(name, (mongo) => mongo.up(db));
            // The clocks of instances differ; the stored times must show the order of application.
            last = Math.max(Date.now(), last + 1);
            await appliedMigrations(db).insertOne({ _id: name, appliedAt: new Date(last) });
          }
          return pending;
        }),
      ),
    down: (steps = 1) =>
      database.unlimited((db) =>
        withLease(db, async (keep) => {
          const newestFirst = (await checked(db)).map(([name]) => name).reverse();
          const reverted = newestFirst.slice(0, steps);
          for (const name of reverted) {
            await keep();
            await step(name, (mongo) => mongo.down(db));
            await appliedMigrations(db).deleteOne({ _id: name });
          }
          return reverted;
        }),
      ),
    status: async () => statusList(names, await appliedIn(database.db)),
  };
}

function appliedMigrations(db: Db): Collection<AppliedMigration> {
  return db.collection<AppliedMigration>('ostiary_migrations');
}

async function appliedIn(db: Db): Promise<Map<string, Date>> {
  const rows = await appliedMigrations(db).find().toArray();
  return new Map(rows.map(({ _id, appliedAt }) => [_id, appliedAt]));
}
