import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorTable } from './errors.ts';
import { type Module, ModuleError, type Services } from './module.ts';
import type { OpenDatabases } from './open-storage.ts';
import { addMigrations, discoverMigrations, type Migrations, migrationsIn } from './platform/database/migrations.ts';
import { type ErrorTable, mergeErrors } from './platform/errors.ts';
import { RouteTaken } from './platform/http/catalogue.ts';
import type { Tag } from './platform/http/openapi/document.ts';
import type { Part, RoutePlugin } from './platform/http/part.ts';
import { TAGS } from './tags.ts';

const MODULES = new URL('./modules/', import.meta.url);
const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** What is wrong with one module, in a sentence. */
function refuse(name: string, reason: string, cause?: unknown): ModuleError {
  return new ModuleError(`The module ${name} cannot be added: ${reason}.`, { cause });
}

/** Throws `ModuleError` for names that are malformed, or taken by the server or by each other. */
export function checkNames(modules: readonly Module[]): void {
  if (modules.length === 0) return;
  const taken = new Set(readdirSync(MODULES));
  for (const { name } of modules) {
    if (!NAME.test(name)) throw refuse(name, 'its name is not lower-case words joined by "-"');
    if (taken.has(name)) throw refuse(name, 'another module has this name');
    taken.add(name);
  }
}

/** The migrations of the server and of modules that are added. Throws `ModuleError`. */
export async function migrationsWith(modules: readonly Module[]): Promise<Migrations> {
  const all = await discoverMigrations(MODULES);
  for (const { name, migrations } of modules) {
    if (!migrations) continue;
    if (!existsSync(migrations))
      throw refuse(name, `its migrations are to be in ${fileURLToPath(migrations)}, which does not exist`);
    try {
      addMigrations(all, await migrationsIn(migrations, name));
    } catch (error) {
      if (error instanceof TypeError) throw refuse(name, error.message.replace(/\.$/, ''), error);
      throw error;
    }
  }
  return all;
}

/** What modules of others add to a server. */
export interface Added {
  parts: Part[];
  errorTable: ErrorTable;
  tags: readonly Tag[];
}

/** Creates modules that are kept outside, as the last ones of `app.ts`. Throws `ModuleError` where a code, tag or route is taken, and what `create` throws. */
export async function addModules(
  modules: readonly Module[],
  { open, ...services }: Services & Pick<OpenDatabases, 'open'>,
): Promise<Added> {
  const added: Added = { parts: [], errorTable, tags: TAGS };
  for (const module of modules) {
    const { name, errors = [], tags = [], stores = {} } = module;
    try {
      added.errorTable = mergeErrors({ table: added.errorTable }, ...errors);
    } catch (error) {
      throw refuse(name, (error as Error).message.replace(/\.$/, ''), error);
    }
    const known = new Set(added.tags.map((tag) => tag.name));
    for (const tag of tags) if (known.has(tag.name)) throw refuse(name, `there is a tag ${tag.name} already`);
    added.tags = [...added.tags, ...tags];

    const part = await module.create({ ...services, storage: open(stores) });
    const { routes = [], pages = [] } = part;
    const guarded = (plugin: RoutePlugin) => refusingTaken(name, plugin);
    added.parts.push({ ...part, routes: routes.map(guarded), pages: pages.map(guarded) });
  }
  return added;
}

function refusingTaken(name: string, plugin: RoutePlugin): RoutePlugin {
  return async (app) => {
    try {
      await plugin(app);
    } catch (error) {
      // The router's own: routes that differ in the names of their parameters only.
      const isTaken =
        error instanceof RouteTaken || (error as NodeJS.ErrnoException).code === 'FST_ERR_DUPLICATED_ROUTE';
      if (isTaken) throw refuse(name, (error as Error).message.replace(/\.$/, ''), error);
      throw error;
    }
  };
}
