import { copyFileSync } from 'node:fs';
import { after } from 'node:test';
import { connectDatabase, type Database } from '../src/platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../src/platform/database/migrations.ts';
import type { DatabaseName, FreshDatabase } from './databases.ts';
import { PATIENCE } from './patience.ts';
import { rememberState } from './put-back.ts';

type Empty = () => Promise<FreshDatabase>;

/** What is undone when all tests of this file have run, the latest first. */
const leftovers: (() => Promise<void>)[] = [];
after(async () => {
  for (const undo of leftovers.reverse()) await undo();
});

/**
 * Makes databases that hold what the migrations write and nothing else: `const freshUrl = migrated('postgres', emptyUrl)`. Migrating one
 * takes longer than most tests, so each process does it once for a file of SQLite, which is copied, and once for as many databases of a
 * server as are in use at the same time: what was dropped is put back as it was, and given to the next test.
 */
export function migrated(name: DatabaseName, emptyUrl: Empty): Empty {
  return name === 'sqlite' ? copied(emptyUrl) : putBack(emptyUrl);
}

function copied(emptyUrl: Empty): Empty {
  let template: Promise<FreshDatabase> | undefined;
  const make = async () => {
    const made = await emptyUrl();
    leftovers.push(made.drop);
    const database = await open(made.url);
    await migrate(database);
    // The last connection writes its log into the file.
    await database.close();
    return made;
  };
  return async () => {
    template ??= make();
    const { url } = await template;
    const fresh = await emptyUrl();
    copyFileSync(pathOf(url), pathOf(fresh.url));
    return fresh;
  };
}

const pathOf = (url: string) => url.slice('sqlite:'.length);

function putBack(emptyUrl: Empty): Empty {
  interface Used {
    made: FreshDatabase;
    reset: () => Promise<void>;
    remove: () => Promise<void>;
  }
  const idle: Used[] = [];

  async function make(): Promise<Used> {
    const made = await emptyUrl();
    const database = await open(made.url);
    let isThere = true;
    const remove = async () => {
      if (!isThere) return;
      isThere = false;
      await database.close();
      await made.drop();
    };
    leftovers.push(remove);
    await migrate(database);
    return { made, reset: await rememberState(database), remove };
  }

  return async () => {
    const used = idle.pop() ?? (await make());
    let isDropped = false;
    const drop = async () => {
      if (isDropped) return;
      isDropped = true;
      try {
        await used.reset();
        idle.push(used);
      } catch {
        // A test has changed more than records, or a connection is lost.
        await used.remove();
      }
    };
    return { url: used.made.url, drop };
  };
}

const open = (url: string) =>
  connectDatabase({ url, poolSize: 1, slowQuery: Number.POSITIVE_INFINITY, log: { warn() {} }, patience: PATIENCE });

async function migrate(database: Database): Promise<void> {
  await createMigrator(database, await discoverMigrations(new URL('../src/modules/', import.meta.url))).up();
}
