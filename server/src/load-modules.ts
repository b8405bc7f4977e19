import { existsSync, lstatSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkNames } from './added-modules.ts';
import { type Module, ModuleError } from './module.ts';

/** In the working directory; the first one that exists. */
const FILES = ['ostiary.config.ts', 'ostiary.config.js'];
/** The bit of a folder's mode. */
const EVERYBODY_WRITES = 0o002;
const MODULE = { name: 'string', create: 'function' } as const;
const KEYS = ['name', 'migrations', 'stores', 'errors', 'tags', 'create'];

/**
 * The modules that the configuration file adds: that of `OSTIARY_CONFIG`, or else `ostiary.config.ts` or `.js` in `cwd`, which exports
 * `default { modules: [notes] }`. None without a file. Throws `ModuleError` where it cannot be loaded, or is not of that form.
 */
export async function loadModules(
  { configFile }: { configFile: string | null },
  cwd = process.cwd(),
): Promise<Module[]> {
  const file = configFile ?? FILES.map((name) => resolve(cwd, name)).find((path) => existsSync(path));
  if (file === undefined) return [];
  if (configFile === null) demandOwn(file);
  const modules = modulesOf(file, await load(file));
  checkNames(modules);
  return modules;
}

/** In `/tmp`, say, anybody can leave a file that whoever runs a command there would run. */
function demandOwn(file: string): void {
  const isOurs = [0, process.getuid?.()].includes(lstatSync(file).uid);
  if (isOurs || (statSync(dirname(file)).mode & EVERYBODY_WRITES) === 0) return;
  throw new ModuleError(
    `${file} belongs to somebody else, in a folder that everybody can write to: if it is meant, name it in OSTIARY_CONFIG.`,
  );
}

async function load(file: string): Promise<unknown> {
  try {
    return (await import(pathToFileURL(file).href)).default;
  } catch (error) {
    const { message, stack = '' } = error as Error;
    // Of a syntax error, the stack begins with its place; of any other, the first call is the place.
    const place = /(?:^|\()file:\/\/([^\s)]+)|at file:\/\/([^\s)]+)/m.exec(stack);
    const where = place ? ` (${place[1] ?? place[2]})` : '';
    throw new ModuleError(`${file} cannot be loaded: ${message}${where}`, { cause: error });
  }
}

function modulesOf(file: string, exported: unknown): Module[] {
  const { modules, ...more } = isObject(exported) ? exported : {};
  if (!Array.isArray(modules)) throw new ModuleError(`${file} must export default { modules: [ … ] }.`);
  demandNoMore(file, more);
  for (const [index, module] of modules.entries()) {
    const place = `modules[${index}] of ${file}`;
    if (!isObject(module)) throw new ModuleError(`${place} is not a module: make it with defineModule.`);
    for (const [key, type] of Object.entries(MODULE)) {
      if (typeof module[key] !== type) throw new ModuleError(`${place} needs a ${key}, a ${type}.`);
    }
    if (module.migrations !== undefined && !(module.migrations instanceof URL)) {
      throw new ModuleError(`The migrations of ${place} must be a URL: new URL('./migrations/', import.meta.url).`);
    }
    demandNoMore(place, Object.fromEntries(Object.entries(module).filter(([key]) => !KEYS.includes(key))));
  }
  return modules;
}

/** A misspelt key would be a module without its errors, say. */
function demandNoMore(place: string, more: object): void {
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) throw new ModuleError(`${place} has ${unknown}, which means nothing.`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
