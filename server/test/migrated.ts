import { copyFileSync } from 'node:fs';
import { after } from 'node:test';
import { connectDatabase, type Database } from '../src/platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../src/platform/database/migrations.ts';
import type { FreshDatabase } from './databases.ts';
import { PATIENCE } from './patience.ts';
import { type DatabaseState, isShapedAs, putBack, rememberState } from './put-back.ts';
import { leaveOnShelf, shelvedFile, shelveFile, takeFromShelf } from './shelf.ts';

type Empty = () => Promise<FreshDatabase>;

/** What is undone when all tests of this file have run, the latest first. */
const leftovers: (() => Promise<void>)[] = [];
after(async () => {
  for (const undo of leftovers.reverse()) await undo();
});

/**
 * Makes databases that hold what the migrations write and nothing else: `const freshUrl = migrated('postgres', emptyUrl)`. Migrating one
 * takes longer than most tests, so a run does it once for a file of SQLite, which is copied, and once for as many databases of a server as
 * are in use at the same time: what was dropped is put back as it was, and given to the next test, of this file or of another one.
 */
export function migrated(server: string, emptyUrl: Empty): Empty {
  return server === 'sqlite' ? copied(emptyUrl) : reused(server, emptyUrl);
}

/** The name of the migrated file on the shelf. */
const TEMPLATE = 'migrated.sqlite';

function copied(emptyUrl: Empty): Empty {
  let template: Promise<string> | undefined;
  const make = async () => {
    const shelved = shelvedFile(TEMPLATE);
    if (shelved !== null) return shelved;
    const made = await emptyUrl();
    leftovers.push(made.drop);
    const database = await open(made.url);
    await migrate(database);
    // The last connection writes its log into the file.
    await database.close();
    const path = pathOf(made.url);
    shelveFile(TEMPLATE, path);
    return path;
  };
  return async () => {
    template ??= make();
    const path = await template;
    const fresh = await emptyUrl();
    copyFileSync(path, pathOf(fresh.url));
    return fresh;
  };
}

const pathOf = (url: string) => url.slice('sqlite:'.length);

/** A database of a server that can be put back. */
interface Used {
  url: string;
  state: DatabaseState;
}

function reused(server: string, emptyUrl: Empty): Empty {
  const idle: Used[] = [];
  /** By URL: what removes those that this process has made. */
  const removals = new Map<string, () => Promise<void>>();
  /** By URL. */
  const connections = new Map<string, Promise<Database>>();
  /** Set once all tests have run: whatever is dropped later, by hooks of the file, is gone already. */
  let isOver = false;

  function connect(url: string): Promise<Database> {
    const connection = connections.get(url) ?? open(url);
    connections.set(url, connection);
    return connection;
  }

  async function disconnect(url: string): Promise<void> {
    const connection = connections.get(url);
    connections.delete(url);
    await (await connection)?.close();
  }

  /** One that another process has made stays until its server ends. */
  async function remove(url: string): Promise<void> {
    await disconnect(url);
    await removals.get(url)?.();
    removals.delete(url);
  }

  async function make(): Promise<Used> {
    const { url, drop } = await emptyUrl();
    removals.set(url, drop);
    const database = await connect(url);
    await migrate(database);
    return { url, state: await rememberState(database) };
  }

  /** Leaves what is as new to other files, and removes it where nobody will come. */
  async function leave({ url, state }: Used): Promise<void> {
    const isAsMade = await connect(url)
      .then((database) => isShapedAs(state, database))
      .catch(() => false);
    const left: Used = { url, state };
    if (!isAsMade || !leaveOnShelf(server, new URL(url).pathname.slice(1), left)) return remove(url);
    removals.delete(url);
    await disconnect(url);
  }

  leftovers.push(async () => {
    isOver = true;
    for (const used of idle) await leave(used);
    for (const url of [...removals.keys(), ...connections.keys()]) await remove(url);
  });

  return async () => {
    const used = idle.pop() ?? takeFromShelf<Used>(server) ?? (await make());
    let isDropped = false;
    const drop = async () => {
      if (isDropped || isOver) return;
      isDropped = true;
      try {
        await putBack(await connect(used.url), used.state);
        idle.push(used);
      } catch {
        // A test has changed more than records, or a connection is lost.
        await remove(used.url);
      }
    };
    return { url: used.url, drop };
  };
}

const open = (url: string) =>
  connectDatabase({ url, poolSize: 1, slowQuery: Number.POSITIVE_INFINITY, log: { warn() {} }, patience: PATIENCE });

async function migrate(database: Database): Promise<void> {
  await createMigrator(database, await discoverMigrations(new URL('../src/modules/', import.meta.url))).up();
}
