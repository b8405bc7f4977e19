import type { Logger } from 'pino';
import { type Module, ModuleError } from './module.ts';
import { openStorage, type StoreTable } from './open-storage.ts';
import type { Config } from './platform/config/config.ts';
import { asVariableName, type StoreUrl } from './platform/config/store-urls.ts';
import type { Database } from './platform/database/database.ts';
import { createMigrator, type Migrations, type Migrator, migrationsIn } from './platform/database/migrations.ts';
import * as SERVER_STORES from './storage.ts';

const MODULES = new URL('./modules/', import.meta.url);
/** What every database has, beside the tables of its stores: the outbox, and whose it is. */
const ALWAYS = ['events', 'installation'];
/** No store that these make can live elsewhere: a database that has them is one of a whole server. */
const MAIN_ONLY = 'users';

/** A database beside the main one, not opened yet. */
export interface StoreDatabase {
  url: string;
  /** The names of its stores, and the variables that put them there. */
  stores: string[];
  variables: string[];
  /** The migrations of its stores. */
  folders: URL[];
}

/** The databases that the configuration gives to single stores, of the server or of added modules. Throws `ModuleError` for a store that is not there, or that cannot live apart. */
export function storeDatabases({ database }: Pick<Config, 'database'>, modules: readonly Module[]): StoreDatabase[] {
  const found = new Map<string, StoreDatabase>();
  for (const { url, variable, name } of database.storeUrls) {
    const { url: _, ...more } = found.get(url) ?? { url, stores: [], variables: [], folders: [] };
    const { stores, folders } = demandStandalone({ variable, name }, modules);
    found.set(url, {
      url,
      stores: [...more.stores, ...stores],
      variables: [...more.variables, variable],
      folders: [...more.folders, ...folders],
    });
  }
  return [...found.values()];
}

function demandStandalone({ variable, name }: Omit<StoreUrl, 'url'>, modules: readonly Module[]) {
  const tables: StoreTable[] = [SERVER_STORES, ...modules.map(({ stores = {} }) => stores)];
  const all = tables.flatMap((table) => Object.entries(table));
  const named = all.filter(([store]) => asVariableName(store) === name);
  const folders = named.flatMap(([, { standalone }]) => standalone ?? []);
  if (named.length > 0 && folders.length === named.length) return { stores: named.map(([store]) => store), folders };
  const able = all.flatMap(([store, { standalone }]) => (standalone === null ? [] : [asVariableName(store)]));
  const which = `it can be set for ${able.map((one) => `STORES_${one}_URL`).join(', ')}`;
  throw new ModuleError(
    named.length === 0
      ? `${variable} names no store: ${which}.`
      : `${variable} cannot be set: the store ${named[0]?.[0]} shares transactions or tables with others, and must be on the main database; ${which}.`,
  );
}

/**
 * A migrator for the database of single stores: it applies the migrations of those stores, and knows `all`, since a store that was there before may have
 * moved. Throws `ModuleError` where it is the database of a whole server, whose records must not be mixed with these.
 */
export async function storeMigrator(
  database: Database,
  { folders, variables: [variable = ''] }: Pick<StoreDatabase, 'folders' | 'variables'>,
  all: Migrations,
): Promise<Migrator> {
  const needed: Migrations = {};
  const places = [...ALWAYS.map((module) => new URL(`${module}/migrations/`, MODULES)), ...folders];
  for (const place of places) Object.assign(needed, await migrationsIn(place, place.pathname));
  const ofServers = await migrationsIn(new URL(`${MAIN_ONLY}/migrations/`, MODULES), MAIN_ONLY);
  for (const { name, appliedAt } of await createMigrator(database, all).status()) {
    if (appliedAt === null) continue;
    if (ofServers[name])
      throw new ModuleError(`${variable} names the database of a whole server: give the store one of its own.`);
    const known = all[name];
    if (known) needed[name] = known;
  }
  return createMigrator(database, needed);
}

/** The databases of single stores, open and migrated. */
export interface OpenStoreDatabase extends StoreDatabase {
  database: Database;
}

/**
 * Opens the databases of single stores, and migrates each. Throws `ModuleError`, `DatabaseUnreachable` or `MigrationFailed`, and leaves none open.
 */
export async function openStoreDatabases(deps: {
  config: Pick<Config, 'database'>;
  modules: readonly Module[];
  open: (url: string) => Promise<Database>;
  /** All of them, of the server and of added modules. */
  migrations: Migrations;
  /** The id of this installation: no other may have records in the same database. */
  installation: string;
  log: Pick<Logger, 'info'>;
}): Promise<OpenStoreDatabase[]> {
  const { config, modules, open, migrations, installation, log } = deps;
  const opened: OpenStoreDatabase[] = [];
  try {
    for (const place of storeDatabases(config, modules)) {
      const database = await open(place.url);
      opened.push({ ...place, database });
      const applied = await (await storeMigrator(database, place, migrations)).up();
      const { stores, variables } = place;
      if (applied.length > 0) log.info({ stores, migrations: applied }, `applied ${applied.length} migrations`);
      const { installation: owner } = openStorage(database, { onCommit() {} });
      if (!(await owner.insert(installation)) && (await owner.find()) !== installation) {
        throw new ModuleError(
          `${variables[0]} names a database of another installation: give the store one of its own.`,
        );
      }
    }
    return opened;
  } catch (error) {
    for (const { database } of opened) await database.close();
    throw error;
  }
}
