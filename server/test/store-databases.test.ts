import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { defineModule } from '../src/module.ts';
import { createMongoFileStore } from '../src/modules/files/file-store.mongo.ts';
import { createSqlFileStore } from '../src/modules/files/file-store.sql.ts';
import type { FileRecord, FileStore } from '../src/modules/files/file-store.ts';
import { openStorage } from '../src/open-storage.ts';
import { both } from '../src/platform/database/both.ts';
import { connectDatabase, type Database, mongoOf } from '../src/platform/database/database.ts';
import { openTestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { type DatabaseName, type FreshDatabase, PATIENCE, testDatabases } from './databases.ts';
import { makeEvent, makeId, NOW } from './fixtures.ts';
import { openGate } from './gate.ts';
import { ostiary, serverEnv } from './kill/server-process.ts';
import { createWorld, member, type World } from './matrix/world.ts';
import { freshSqlite, refused } from './scenario.ts';
import { until } from './until.ts';

const log = { warn() {} };
const connect = (url: string): Promise<Database> =>
  connectDatabase({ url, poolSize: 1, slowQuery: 60_000, log, patience: PATIENCE });
const FILES = new URL('../src/modules/files/migrations/', import.meta.url);
const makeFile = (): FileRecord => ({
  ...{ id: makeId(), userId: makeId(), purpose: 'file', filename: 'a', contentType: 'text/plain', size: 1 },
  ...{ sha256: null, status: 'uploading', uploadId: null, partSize: null, objectKey: null, tendAt: null },
  ...{ createdAt: NOW, updatedAt: NOW, version: 1 },
});
const text = { filename: 'notes.txt', contentType: 'text/plain', size: 5 };

/** A server whose files are recorded on a database of their own. */
async function withFilesElsewhere(
  [main, other]: [main: () => Promise<FreshDatabase>, other: () => Promise<FreshDatabase>],
  run: (w: World & { otherUrl: string }) => Promise<void>,
): Promise<void> {
  const [{ url, drop }, elsewhere] = [await main(), await other()];
  try {
    const t = await openTestApp({ databaseUrl: url, env: { STORES_FILES_URL: elsewhere.url } });
    try {
      const scene = { ...t, client: createClient(t), databaseUrl: url };
      await run({ ...scene, ...(await createWorld(scene)), otherUrl: elsewhere.url });
    } finally {
      await t.close();
    }
  } finally {
    await elsewhere.drop();
    await drop();
  }
}

const databases = new Map(testDatabases().map((database) => [database.name, database]));
const PAIRS: [main: DatabaseName, other: DatabaseName][] = [
  ['sqlite', 'sqlite'],
  ['sqlite', 'mongodb'],
  ['postgres', 'mongodb'],
  ['postgres', 'mysql'],
  ['mongodb', 'postgres'],
];

describe('a store on a database of its own', () => {
  for (const [mainName, otherName] of PAIRS) {
    const [main, other] = [databases.get(mainName), databases.get(otherName)];
    if (main === undefined || other === undefined) continue;

    test(`has its records and their events there, which are delivered and listed as all others: ${otherName} beside ${mainName}`, () =>
      withFilesElsewhere([main.freshUrl, other.emptyUrl], async (w) => {
        const { userId, token } = await member(w);
        const names: string[] = [];
        const announce = async () => {
          w.time.forward(1);
          const { file } = ok<{ file: { id: string } }>(
            await w.client.send('POST', '/files', { token, body: text }),
            201,
          );
          names.push(`file:${file.id}`);
          return file.id;
        };
        const [kept, gone] = [await announce(), await announce()];
        // Ids of the same millisecond have no order.
        w.time.forward(1);
        ok(await w.client.send('DELETE', `/files/${gone}`, { token }), 204);
        await w.app.relay.deliverDue();

        const mine = await connect(w.databaseUrl);
        const theirs = await connect(w.otherUrl);
        try {
          const [here, there] = [mine, theirs].map((database) => openStorage(database, { onCommit() {} }));
          assert.equal(await here?.files.find(kept), null);
          assert.equal((await there?.files.find(kept))?.userId, userId);
          assert.deepEqual(await here?.events.listForTarget(names[1] ?? ''), []);
          const told = await there?.events.listForTarget(names[1] ?? '');
          assert.deepEqual(
            told?.map(({ type }) => type),
            ['file.created', 'file.deleted'],
          );
          assert.deepEqual(await there?.events.due(w.time.now, 9), [], 'all of them were delivered');
        } finally {
          await mine.close();
          await theirs.close();
        }

        // One history, page by page.
        const page = async (cursor: string) => {
          const answer = await w.client.send('GET', `/admin/events?pageSize=3&cursor=${cursor}`, { token: w.root });
          return ok<{ items: { id: string; target: string }[]; nextCursor: string | null }>(answer, 200);
        };
        const seen: string[] = [];
        for (let cursor: string | null = ''; cursor !== null; ) {
          const { items, nextCursor } = await page(cursor);
          seen.push(...items.map(({ id }) => id));
          cursor = nextCursor;
        }
        assert.deepEqual(seen, [...new Set(seen)].sort().reverse(), 'each once, the latest first');
        const whole = ok<{ items: { id: string }[]; total: number }>(
          await w.client.send('GET', '/admin/events?pageSize=100', { token: w.root }),
          200,
        );
        assert.deepEqual([whole.total, whole.items.map(({ id }) => id)], [seen.length, seen]);
        const [deletion] = ok<{ items: { id: string; type: string }[] }>(
          await w.client.send('GET', '/admin/events?type=file.*', { token: w.root }),
          200,
        ).items;
        assert.equal(deletion?.type, 'file.deleted');

        assert.deepEqual((await w.client.send('GET', '/health/readiness')).json(), { status: 'ready' });
        ok(await w.client.send('DELETE', `/admin/users/${userId}?erase=true`, { token: w.root }), 204);
        await w.work();
        assert.equal((await w.app.storage.files.find(kept))?.status, 'deleted', 'the erasure reaches it');
        const event = await w.app.storage.events.find(deletion?.id ?? '');
        assert.deepEqual([event?.type, event?.ip], ['file.deleted', null], 'and anonymises its events');
      }));
  }

  test('may be away: people sign in, its routes answer 503, and what waits is delivered once it is back', async (t) => {
    const other = databases.get('mongodb') ?? databases.get('postgres');
    if (other === undefined) return t.skip('SQLite cannot be away');
    const [fresh, elsewhere] = [await freshSqlite(), await other.emptyUrl()];
    const gate = await openGate(elsewhere.url);
    const app = await openTestApp({
      databaseUrl: fresh.url,
      env: { STORES_FILES_URL: gate.url, DATABASE_POOL_SIZE: '2' },
      patience: 1,
    });
    const scene = { ...app, client: createClient(app), databaseUrl: fresh.url };
    try {
      const w = await createWorld(scene);
      const person = await member(w);
      const ask = (path: string) => w.client.send('GET', path, { token: person.token });
      ok(await ask('/files'), 200);
      await gate.shut();
      const state = async () => ok<{ status: string; checks?: object }>(await ask('/health/readiness'), 200);
      const degraded = await until('a server that lacks a store', async () => {
        const { status, checks } = await state();
        return status === 'degraded' ? checks : null;
      });
      assert.equal((degraded as Record<string, string>)['stores:files'], 'down');
      refused(await ask('/files'), 503, 'unavailable');
      ok(await w.client.login(person).then(() => ask('/users/me')), 200);
      refused(await w.client.send('GET', '/admin/events', { token: w.root }), 503, 'unavailable');
      await gate.open();
      await until('the store to be back', async () => ((await state()).status === 'ready' ? true : null));
      const { file } = ok<{ file: { id: string } }>(
        await w.client.send('POST', '/files', { token: person.token, body: text }),
        201,
      );
      ok(await w.client.send('DELETE', `/files/${file.id}`, { token: person.token }), 204);
      await w.work();
      ok(await w.client.send('GET', '/admin/events', { token: w.root }), 200);
    } finally {
      await app.close();
      await gate.shut();
      await elsewhere.drop();
      await fresh.drop();
    }
  });

  for (const name of ['sqlite', 'postgres', 'mongodb'] as const) {
    const other = databases.get(name);
    if (other === undefined) continue;
    test(`tells all instances what they must forget: ${name}`, async () => {
      const [main, elsewhere] = [await freshSqlite(), await other.emptyUrl()];
      const make = async () => {
        const evicted: string[] = [];
        let files: FileStore | undefined;
        const stores = { marks: both(createSqlFileStore, createMongoFileStore, { standalone: FILES }) };
        const marks = defineModule({
          name: 'marks',
          stores,
          create({ storage }) {
            files = storage.marks;
            return {
              remembers: { evict: (target) => void (target.startsWith('file:') && evicted.push(target)), clear() {} },
            };
          },
        });
        const env = { STORES_MARKS_URL: elsewhere.url };
        const t = await openTestApp({ databaseUrl: main.url, env, modules: [marks] });
        return { ...t, evicted, files: files ?? assert.fail() };
      };
      const [one, another] = [await make(), await make()];
      try {
        const event = { ...makeEvent('file:a'), evicts: true };
        await one.files.insert(makeFile(), event);
        assert.deepEqual(one.evicted, ['file:a'], 'at once');
        await another.app.pollEvictions();
        assert.deepEqual(another.evicted, ['file:a']);
        assert.equal((await another.app.storage.events.find(event.id))?.target, 'file:a');
      } finally {
        await one.close();
        await another.close();
        await elsewhere.drop();
        await main.drop();
      }
    });
  }

  test('on MongoDB has its events moved although their writer was killed in between', async (t) => {
    const mongodb = databases.get('mongodb');
    if (mongodb === undefined) return t.skip('there is no MongoDB in this run');
    await withFilesElsewhere([freshSqlite, mongodb.emptyUrl], async (w) => {
      const { token } = await member(w);
      const theirs = await connect(w.otherUrl);
      const { db } = mongoOf(theirs);
      try {
        await db.collection('events').rename('events_away');
        await db.createCollection('events', { validator: { _id: null } });
        const { file } = ok<{ file: { id: string } }>(
          await w.client.send('POST', '/files', { token, body: text }),
          201,
        );
        const told = () => w.app.storage.events.listForTarget(`file:${file.id}`);
        assert.deepEqual(await told(), []);
        await db.dropCollection('events');
        await db.collection('events_away').rename('events');
        await w.app.relay.deliverDue();
        assert.deepEqual(
          (await told()).map(({ type }) => type),
          ['file.created'],
        );
      } finally {
        await theirs.close();
      }
    });
  });

  test('that cannot be is refused at the start, in one sentence', async () => {
    const [fresh, used, own] = [await freshSqlite(), await freshSqlite(), await freshSqlite()];
    const dir = await mkdtemp(join(tmpdir(), 'ostiary-stores-'));
    const start = (env: Record<string, string>) => openTestApp({ databaseUrl: fresh.url, env });
    const free = `sqlite:${join(dir, 'free')}`;
    const cases: [env: Record<string, string>, sentence: RegExp][] = [
      [
        { STORES_USERS_URL: free },
        /^STORES_USERS_URL cannot be set: the store users shares .* for STORES_FILES_URL\.$/,
      ],
      [{ STORES_SECRET_CHECKS_URL: free }, /the store secretChecks shares/],
      [{ STORES_PLANTS_URL: free }, /^STORES_PLANTS_URL names no store: it can be set for STORES_FILES_URL\.$/],
      [{ STORES_FILES_URL: used.url }, /^STORES_FILES_URL names the database of a whole server: /],
      [{ STORES_FILES_URL: fresh.url }, /STORES_FILES_URL names the database of DATABASE_URL/],
      [{ STORES_FILES_URL: 'sqlite::memory:' }, /STORES_FILES_URL is in memory/],
      [{ STORES_FILES_URL: 'files' }, /STORES_FILES_URL .*\n.*Write sqlite:PATH/],
      [{ STORES_FILES_URL: free, WORKERS: '2' }, /STORES_FILES_URL is SQLite, which serves one process/],
    ];
    try {
      for (const [env, sentence] of cases) await assert.rejects(start(env), { message: sentence });
      await (await start({ STORES_FILES_URL: free })).close();
      // Another installation.
      await assert.rejects(openTestApp({ databaseUrl: own.url, env: { STORES_FILES_URL: free } }), {
        name: 'ModuleError',
        message: /^STORES_FILES_URL names a database of another installation: /,
      });
      await (await start({ STORES_FILES_URL: free })).close();
    } finally {
      for (const { drop } of [fresh, used, own]) await drop();
      await rm(dir, { recursive: true, force: true });
    }
  });

  test('is migrated, and told of, by the commands', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'ostiary-stores-'));
    const env = serverEnv(dir, `sqlite:${dir}/main`, { STORES_FILES_URL_FILE: join(dir, 'url') });
    await writeFile(join(dir, 'url'), `sqlite:${dir}/files\n`);
    const command = async (...args: string[]) => {
      const { code, stdout, stderr } = await ostiary(args, { env, dir });
      assert.equal(code, 0, stdout + stderr);
      return stdout;
    };
    try {
      assert.match(await command('doctor'), /ok +stores +files: on SQLite \S+, \d+ migrations pending, 0 of a newer/);
      const [, theirs] = (await command('migrate', 'up')).split('On the database of STORES_FILES_URL:\n');
      assert.match(theirs ?? '', /^Applied 202611200000-events, .*202612090000-files\.\n$/);
      assert.doesNotMatch(theirs ?? '', /users|access/);
      assert.equal((await command('migrate', 'status')).match(/202612090000-files {2}applied/g)?.length, 2);
      assert.match(await command('migrate', 'down'), /^Reverted .*\.\nOn the database of .*:\nNothing to do\.\n$/);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
