import { fileURLToPath } from 'node:url';
import { loadModules } from '../load-modules.ts';
import type { Module } from '../module.ts';
import type { Config } from '../platform/config/config.ts';
import { newMigration, newMigrationIn } from '../platform/database/new-migration.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import { migratorFor, openDatabase } from '../start.ts';
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
    if (action === 'status') {
      for (const { name, appliedAt, known } of await migrator.status()) {
        const state = appliedAt ? `applied ${appliedAt.toISOString()}` : 'pending';
        print(`${name}  ${state}${known ? '' : '  (of a newer version)'}`);
      }
      return;
    }
    const names = action === 'up' ? await migrator.up() : await migrator.down();
    print(names.length === 0 ? 'Nothing to do.' : `${action === 'up' ? 'Applied' : 'Reverted'} ${names.join(', ')}.`);
  } finally {
    await database.close();
  }
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
