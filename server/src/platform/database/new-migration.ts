import { mkdir, writeFile } from 'node:fs/promises';

const MODULES = new URL('../../modules/', import.meta.url);
const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/**
 * Writes an empty migration `YYYYMMDDHHMM-name.ts` (UTC) into a module, which may begin with it, and returns its URL. Throws a TypeError for
 * a name that is not lower-case words joined by `-`; never overwrites a file.
 */
export async function newMigration(module: string, name: string, now: Date, modulesDir = MODULES): Promise<URL> {
  demandNames(module, name);
  return write(new URL(`${module}/migrations/`, modulesDir), name, now, IMPORTS);
}

/** The same into the folder of migrations of a module that is kept elsewhere. */
export async function newMigrationIn(folder: URL, name: string, now: Date): Promise<URL> {
  demandNames(name);
  return write(new URL(folder.href.replace(/\/?$/, '/')), name, now, IMPORTS_OUTSIDE);
}

function demandNames(...names: string[]): void {
  if (names.every((name) => NAME.test(name))) return;
  throw new TypeError('Modules and migrations are named in lower-case words joined by "-", such as add-phone.');
}

async function write(folder: URL, name: string, now: Date, imports: string): Promise<URL> {
  const time = now.toISOString().slice(0, 16).replaceAll(/[-:T]/g, '');
  const file = new URL(`${time}-${name}.ts`, folder);
  await mkdir(folder, { recursive: true });
  await writeFile(file, `${imports}${TEMPLATE}`, { flag: 'wx' });
  return file;
}

const IMPORTS = `import type { Kysely } from 'kysely';
import type { Db } from 'mongodb';
import type { Columns } from '../../../platform/database/columns.ts';
`;

const IMPORTS_OUTSIDE = `import type { Columns, Db, Kysely } from 'ostiary';
`;

const TEMPLATE = `
// \`up\` must be repeatable (\`ifNotExists\`, \`createIndex\`): on MySQL and MongoDB a crash can leave half of it.

export const sql = {
  async up(db: Kysely<unknown>, columns: Columns): Promise<void> {
    await db.schema
      .createTable('things')
      .ifNotExists()
      .addColumn('id', columns.id(), (column) => column.primaryKey())
      .execute();
  },
  async down(db: Kysely<unknown>, _columns: Columns): Promise<void> {
    await db.schema.dropTable('things').ifExists().execute();
  },
};

export const mongo = {
  async up(db: Db): Promise<void> {
    await db.collection('things').createIndex({ name: 1 }, { name: 'things_name' });
  },
  async down(db: Db): Promise<void> {
    await db.dropCollection('things');
  },
};
`;
