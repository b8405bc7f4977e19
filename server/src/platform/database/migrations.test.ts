import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Db } from 'mongodb';
import { type FreshDatabase, testDatabases } from '../../../test/databases.ts';
import { connectDatabase, type Database } from './database.ts';
import { createMigrator, discoverMigrations, type Migration, MigrationFailed, type Migrations } from './migrations.ts';
import { newMigration } from './new-migration.ts';

const DEADLINE = 120_000;
const MIGRATORS = 8;
const log = { warn() {} };

/** Makes, or with a failure does not make, a table or collection. */
function creating(table: string, failure?: Error): Migration {
  return {
    sql: {
      async up(db, columns) {
        await db.schema.createTable(table).ifNotExists().addColumn('id', columns.id()).execute();
        if (failure) throw failure;
      },
      async down(db) {
        await db.schema.dropTable(table).execute();
      },
    },
    mongo: {
      async up(db) {
        await db.collection(table).createIndex({ name: 1 });
        if (failure) throw failure;
      },
      async down(db) {
        await db.dropCollection(table);
      },
    },
  };
}

const first = { '202601010000-first': creating('first') };
const second = { '202601020000-second': creating('second') };
const third = { '202601030000-third': creating('third') };

async function tablesOf(database: Database): Promise<string[]> {
  const tables =
    database.kind === 'mongo'
      ? await database.db.listCollections().toArray()
      : await database.db.introspection.getTables({ withInternalKyselyTables: true });
  return tables
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('ostiary_'))
    .sort();
}

for (const { name, emptyUrl } of testDatabases()) {
  describe(`${name}: migrations`, { timeout: DEADLINE }, () => {
    async function withDatabase(work: (database: Database, fresh: FreshDatabase) => Promise<void>): Promise<void> {
      const fresh = await emptyUrl();
      const database = await connectDatabase({ url: fresh.url, poolSize: 2, slowQuery: 60_000, log });
      try {
        await work(database, fresh);
      } finally {
        await database.close();
        await fresh.drop();
      }
    }

    it('go up, tell where they are, and go down again', () =>
      withDatabase(async (database) => {
        const migrator = (migrations: Migrations) => createMigrator(database, migrations);
        const statusOf = async (migrations: Migrations) =>
          (await migrator(migrations).status()).map(({ name, appliedAt, known }) => [name, appliedAt !== null, known]);

        assert.deepEqual(await statusOf(first), [['202601010000-first', false, true]]);
        assert.deepEqual(await migrator({ ...third, ...first }).up(), ['202601010000-first', '202601030000-third']);
        assert.deepEqual(await migrator({ ...third, ...first }).up(), []);
        assert.deepEqual(await tablesOf(database), ['first', 'third']);

        const all = { ...first, ...second, ...third };
        assert.deepEqual(await statusOf(all), [
          ['202601010000-first', true, true],
          ['202601020000-second', false, true],
          ['202601030000-third', true, true],
        ]);
        assert.deepEqual(await migrator(all).up(), ['202601020000-second'], 'a migration that was merged late applies');
        assert.deepEqual(await migrator(all).down(), ['202601020000-second'], 'the one applied last goes first');
        assert.deepEqual(await tablesOf(database), ['first', 'third']);
        assert.deepEqual(await migrator(all).down(5), ['202601030000-third', '202601010000-first']);
        assert.deepEqual(await tablesOf(database), []);
        assert.deepEqual(await migrator(all).down(), []);
      }));

    it('refuse a database that is newer than the code', () =>
      withDatabase(async (database) => {
        await createMigrator(database, { ...first, ...second }).up();
        const older = createMigrator(database, { ...first, ...third });
        for (const run of [older.up, older.down]) {
          await assert.rejects(run(), (error: Error) => {
            assert.ok(error instanceof MigrationFailed);
            assert.match(error.message, /does not know \(202601020000-second\)/);
            return true;
          });
        }
        assert.deepEqual(await tablesOf(database), ['first', 'second']);
        const status = await older.status();
        assert.equal(status.find(({ name }) => name === '202601020000-second')?.known, false);
      }));

    it('stop at a failure, say where, and can be run again', () =>
      withDatabase(async (database) => {
        const broken = { ...first, '202601020000-second': creating('second', new Error('the disk is made of cheese')) };
        await assert.rejects(createMigrator(database, { ...broken, ...third }).up(), (error: Error) => {
          assert.ok(error instanceof MigrationFailed);
          assert.match(error.message, /202601020000-second failed: the disk is made of cheese/);
          return true;
        });
        assert.ok(!(await tablesOf(database)).includes('third'));
        await createMigrator(database, { ...first, ...second, ...third }).up();
        assert.deepEqual(await tablesOf(database), ['first', 'second', 'third']);
      }));

    it(`are applied once by ${MIGRATORS} processes that start together`, () =>
      withDatabase(async (database, fresh) => {
        const applied = await Promise.all(Array.from({ length: MIGRATORS }, () => migrateInProcess(fresh.url)));
        assert.deepEqual(applied.flat().sort(), ['202601010000-one', '202601010001-two']);
        const status = await createMigrator(database, await discoverMigrations(raceModules)).status();
        assert.ok(status.every(({ appliedAt }) => appliedAt !== null));
        assert.deepEqual(await tablesOf(database), ['race_one', 'race_two']);
      }));

    it('go on after the process that applied them was killed', () =>
      withDatabase(async (database, fresh) => {
        const child = spawnMigrator(fresh.url, { KILLED_MIGRATION: '202601010001-two' });
        const [, signal] = await once(child, 'exit');
        assert.equal(signal, 'SIGKILL');
        const applied = await createMigrator(database, await discoverMigrations(raceModules)).up();
        assert.ok(applied.includes('202601010001-two'));
        assert.deepEqual(await tablesOf(database), ['race_one', 'race_two']);
      }));
  });
}

const HERE = new URL('.', import.meta.url);
let raceModules: URL;
let scratch: string;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ostiary-migrations-'));
  raceModules = pathToFileURL(`${scratch}/race/`);
  // A second run to the end is refused by the document's or row's id.
  const file = (name: string, table: string) => `
    const mayDie = () => process.env.KILLED_MIGRATION === '${name}' && process.kill(process.pid, 'SIGKILL');
    export const sql = {
      async up(db, columns) {
        const id = (column) => column.primaryKey();
        await db.schema.createTable('${table}').ifNotExists().addColumn('id', columns.id(), id).execute();
        mayDie();
        await db.insertInto('${table}').values({ id: 'only' }).execute();
      },
      async down() {},
    };
    export const mongo = {
      async up(db) {
        await db.collection('${table}').createIndex({ name: 1 });
        mayDie();
        await db.collection('${table}').insertOne({ _id: 'only' });
      },
      async down() {},
    };`;
  await writeFiles(raceModules, {
    'a/migrations/202601010001-two.ts': file('202601010001-two', 'race_two'),
    'b/migrations/202601010000-one.ts': file('202601010000-one', 'race_one'),
  });
});
after(() => rm(scratch, { recursive: true }));

async function writeFiles(base: URL, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = new URL(path, base);
    await mkdir(new URL('.', file), { recursive: true });
    await writeFile(file, text);
  }
}

function spawnMigrator(url: string, env: NodeJS.ProcessEnv = {}) {
  const program = `
    const { connectDatabase } = await import('${new URL('database.ts', HERE)}');
    const { createMigrator, discoverMigrations } = await import('${new URL('migrations.ts', HERE)}');
    const database = await connectDatabase({ url: process.env.URL_TO_MIGRATE, poolSize: 2, slowQuery: 60_000, log: console });
    const applied = await createMigrator(database, await discoverMigrations(new URL('${raceModules}'))).up();
    await database.close();
    console.log(JSON.stringify(applied));`;
  return spawn(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...process.env, ...env, URL_TO_MIGRATE: url, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function migrateInProcess(url: string): Promise<string[]> {
  const child = spawnMigrator(url);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  return JSON.parse(output);
}

describe('migration files', () => {
  async function modulesWith(files: Record<string, string>): Promise<URL> {
    const base = pathToFileURL(`${await mkdtemp(join(scratch, 'modules-'))}/`);
    await writeFiles(base, files);
    return base;
  }
  const fit = 'const step = { up() {}, down() {} }; export const sql = step; export const mongo = step;';

  it('are found in every module', async () => {
    const modules = await modulesWith({
      'users/migrations/202601010000-users.ts': fit,
      'users/migrations/202601010000-users.test.ts': 'throw new Error("a test, not a migration")',
      'users/users.ts': '',
      'keys/migrations/202512310000-keys.ts': fit,
      'empty/readme.md': '',
      'stray.ts': '',
    });
    const found = Object.keys(await discoverMigrations(modules)).sort();
    assert.deepEqual(found, ['202512310000-keys', '202601010000-users']);
  });

  it('are refused when they would never run or hide each other, and fail when they lack a side', async () => {
    const misnamed = await modulesWith({ 'users/migrations/add-phone.ts': fit });
    await assert.rejects(discoverMigrations(misnamed), /users\/migrations\/add-phone\.ts is not/);
    const twice = await modulesWith({ 'a/migrations/202601010000-x.ts': fit, 'b/migrations/202601010000-x.ts': fit });
    await assert.rejects(discoverMigrations(twice), /Two modules have a migration 202601010000-x/);
    const half = await modulesWith({ 'a/migrations/202601010000-x.ts': 'export const sql = { up() {}, down() {} };' });
    const { '202601010000-x': halved } = await discoverMigrations(half);
    await assert.rejects(async () => halved?.mongo.up({} as Db), /a\/migrations\/202601010000-x\.ts must export mongo/);
  });

  it('are loaded only when they run', async () => {
    const modules = await modulesWith({ 'a/migrations/202601010000-x.ts': 'throw new Error("it was loaded");' });
    const { '202601010000-x': found } = await discoverMigrations(modules);
    await assert.rejects(async () => found?.mongo.up({} as Db), /it was loaded/);
  });

  it('are made from a template that loads as it is', async () => {
    const modules = await modulesWith({ 'users/users.ts': '' });
    const now = new Date('2026-11-20T13:07:59.999Z');
    const file = await newMigration('users', 'add-phone', now, modules);
    assert.equal(file.href, new URL('users/migrations/202611201307-add-phone.ts', modules).href);
    assert.deepEqual(Object.keys(await discoverMigrations(modules)), ['202611201307-add-phone']);

    const text = await readFile(file, 'utf8');
    await assert.rejects(newMigration('users', 'add-phone', now, modules), { code: 'EEXIST' });
    assert.equal(await readFile(file, 'utf8'), text);
    const first = await newMigration('notes', 'begin', now, modules);
    assert.equal(first.href, new URL('notes/migrations/202611201307-begin.ts', modules).href);
    for (const bad of ['Add Phone', '../phone', '', 'phone-']) {
      await assert.rejects(newMigration('users', bad, now, modules), TypeError);
    }
  });
});
