import type { Config } from '../platform/config/config.ts';
import { newMigration } from '../platform/database/new-migration.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import { migratorFor, openDatabase } from '../start.ts';
import { UsageError } from './usage-error.ts';

/** `ostiary migrate up | down | status | new <module> <name>` */
export async function migrate(args: string[], { config, log }: { config: Config; log: Logger }): Promise<void> {
  const [action, ...rest] = args;
  if (action === 'new') return begin(rest);
  if (action !== 'up' && action !== 'down' && action !== 'status') throw new UsageError('Say up, down, status or new.');
  const database = await openDatabase(config, log);
  try {
    const migrator = await migratorFor(database);
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

async function begin([module, name]: string[]): Promise<void> {
  if (!module || !name) throw new UsageError('Say which module, and what the migration does.');
  try {
    print(`Wrote ${(await newMigration(module, name, new Date())).pathname}`);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
