import { fileURLToPath } from 'node:url';
import { migrationsWith } from '../added-modules.ts';
import { loadModules } from '../load-modules.ts';
import type { Module } from '../module.ts';
import type { Config } from '../platform/config/config.ts';
import type { Migrator } from '../platform/database/migrations.ts';
import { newMigration, newMigrationIn } from '../platform/database/new-migration.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import { migratorFor, openDatabase } from '../start.ts';
import { storeDatabases, storeMigrator } from '../store-databases.ts';
import { UsageError } from './usage-error.ts';

/** `ostiary migrate up | down | status | new <module> <name>` */
export async function migrate(args: string[], { config, log }: { config: Config; log: Logger }): Promise<void> {
  const [action, ...rest] = args;
  const modules = await loadModules(config);
  if (action === 'new') return begin(rest, modules);
  if (action !== 'up' && action !== 'down' && action !== 'status') throw new UsageError('Say up, down, status or new.');
  const database = await openDatabase(config, log);
  try {
    const migrator = await migratorFor(database, modules);
    if (action === 'status') await printStatus(migrator);
    let names = action === 'up' ? await migrator.up() : [];
    if (action === 'down') names = await migrator.down();
    if (action !== 'status') print(outcomeOf(action, names));
    for (const place of storeDatabases(config, modules)) {
      const other = await openDatabase(config, log, place);
      try {
        print(`On the database of ${place.variables.join(' and ')}:`);
        const theirs = await storeMigrator(other, place, await migrationsWith(modules));
        if (action === 'status') await printStatus(theirs);
        if (action === 'up') print(outcomeOf(action, await theirs.up()));
        if (action === 'down') print(outcomeOf(action, await revertSame(theirs, names)));
      } finally {
        await other.close();
      }
    }
  } finally {
    await database.close();
  }
}

async function printStatus(migrator: Migrator): Promise<void> {
  for (const { name, appliedAt, known } of await migrator.status()) {
    const state = appliedAt ? `applied ${appliedAt.toISOString()}` : 'pending';
    print(`${name}  ${state}${known ? '' : '  (of a newer version)'}`);
  }
}

function outcomeOf(action: 'up' | 'down', names: string[]): string {
  return names.length === 0 ? 'Nothing to do.' : `${action === 'up' ? 'Applied' : 'Reverted'} ${names.join(', ')}.`;
}

/** Where the migration that the main database has just reverted is the latest, too. */
async function revertSame(migrator: Migrator, reverted: string[]): Promise<string[]> {
  const applied = (await migrator.status()).filter(({ appliedAt }) => appliedAt !== null);
  return reverted.includes(applied.at(-1)?.name ?? '') ? migrator.down() : [];
}

/** In a module of the configuration file, or else in one of this repository. */
async function begin([module, name]: string[], modules: readonly Module[]): Promise<void> {
  if (!module || !name) throw new UsageError('Say which module, and what the migration does.');
  const { migrations } = modules.find((added) => added.name === module) ?? {};
  // An installed package is replaced by its next version, with whatever was written into it.
  if (!migrations && !import.meta.filename.endsWith('.ts')) {
    throw new UsageError(`The configuration file adds no module ${module} with a folder of migrations.`);
  }
  try {
    const now = new Date();
    const file = migrations ? await newMigrationIn(migrations, name, now) : await newMigration(module, name, now);
    print(`Wrote ${fileURLToPath(file)}`);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
