import { readdir } from 'node:fs/promises';
import type { Kysely } from 'kysely';
import type { Db } from 'mongodb';
import type { Columns } from './columns.ts';
import type { MigrationStatus } from './migration-status.ts';
import { mongoMigrator } from './migrator.mongo.ts';
import { sqlMigrator } from './migrator.sql.ts';
import type { Database } from './types.ts';

/**
 * The exports of a migration file. `up` must be repeatable (`ifNotExists`, `createIndex`): MySQL commits every statement
 * that changes a table, and MongoDB has no transaction here, so that a crash can leave half of it.
 */
export interface Migration {
  sql: {
    up(db: Kysely<unknown>, columns: Columns): Promise<void>;
    down(db: Kysely<unknown>, columns: Columns): Promise<void>;
  };
  mongo: { up(db: Db): Promise<void>; down(db: Db): Promise<void> };
}

/** By name, `YYYYMMDDHHMM-what-it-does`, which is also their order. */
export type Migrations = Record<string, Migration>;

export { MigrationFailed } from './migration-failed.ts';
export type { MigrationStatus } from './migration-status.ts';

export interface Migrator {
  /**
   * Applies pending migrations; returns the names of those that this call applied. Of instances that start together, one
   * applies and the others wait. Throws `MigrationFailed`.
   */
  up(): Promise<string[]>;
  /** Reverts the last `steps` (1) migrations; returns their names. Throws `MigrationFailed`. */
  down(steps?: number): Promise<string[]>;
  status(): Promise<MigrationStatus[]>;
}

/** A migrator for an open database: `await createMigrator(database, migrations).up()`. */
export function createMigrator(database: Database, migrations: Migrations): Migrator {
  return database.kind === 'sql' ? sqlMigrator(database, migrations) : mongoMigrator(database, migrations);
}

/** An installed package has JavaScript, with its types beside it. */
const MIGRATION_FILE = /^(\d{12}-[a-z0-9]+(?:-[a-z0-9]+)*)\.[jt]s$/;
const NO_MIGRATION = /(?<!\.[jt]s)$|\.d\.ts$|\.test\.[jt]s$/;

/**
 * Finds `<module>/migrations/*.ts` of every module in the folder. A file is loaded when it runs: most starts run none of them.
 * Throws a TypeError for a misnamed file; an invalid one fails when it runs.
 */
export async function discoverMigrations(modulesDir: URL): Promise<Migrations> {
  const found: Migrations = {};
  for (const module of await readdir(modulesDir)) {
    addMigrations(found, await migrationsIn(new URL(`${module}/migrations/`, withSlash(modulesDir)), module));
  }
  return found;
}

/** Adds those of one module to those of others. Throws a TypeError for a name that is taken. */
export function addMigrations(found: Migrations, more: Migrations): void {
  for (const [name, migration] of Object.entries(more)) {
    if (found[name]) throw new TypeError(`Two modules have a migration ${name}; rename one.`);
    found[name] = migration;
  }
}

/** The migrations in the folder of one module, as `discoverMigrations` finds them; none if it does not exist. */
export async function migrationsIn(folder: URL, module: string): Promise<Migrations> {
  const found: Migrations = {};
  for (const file of await filesOf(withSlash(folder))) {
    if (NO_MIGRATION.test(file)) continue;
    const name = MIGRATION_FILE.exec(file)?.[1];
    if (!name)
      throw new TypeError(`Migrations are named YYYYMMDDHHMM-what-it-does.ts; ${module}/migrations/${file} is not.`);
    const { href } = new URL(file, withSlash(folder));
    const load = async () => asMigration(await import(href), `${module}/migrations/${file}`);
    addMigrations(found, { [name]: loadedToRun(load) });
  }
  return found;
}

async function filesOf(folder: URL): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

function loadedToRun(load: () => Promise<Migration>): Migration {
  return {
    sql: {
      up: async (db, columns) => (await load()).sql.up(db, columns),
      down: async (db, columns) => (await load()).sql.down(db, columns),
    },
    mongo: {
      up: async (db) => (await load()).mongo.up(db),
      down: async (db) => (await load()).mongo.down(db),
    },
  };
}

function asMigration(exported: Record<string, unknown>, file: string): Migration {
  for (const side of ['sql', 'mongo']) {
    const steps = exported[side] as Record<string, unknown> | undefined;
    if (typeof steps?.up !== 'function' || typeof steps.down !== 'function') {
      throw new TypeError(`${file} must export ${side} with the functions up and down.`);
    }
  }
  return exported as unknown as Migration;
}

function withSlash(url: URL): URL {
  return url.href.endsWith('/') ? url : new URL(`${url.href}/`);
}
