import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testDatabases } from '../../../../test/databases.ts';
import { makeEvent, makeId, makeUser, NOW } from '../../../../test/fixtures.ts';
import { at } from '../../../../test/user-verbs.ts';
import { columnsOf } from '../../../platform/database/columns.ts';
import { connectDatabase, type Database, mongoOf, sqlOf } from '../../../platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../../../platform/database/migrations.ts';
import { createMongoOutbox } from '../../events/outbox.mongo.ts';
import { createSqlOutbox } from '../../events/outbox.sql.ts';
import { searchTerms } from '../search-terms.ts';
import { createMongoUserStore } from '../user-store.mongo.ts';
import { createSqlUserStore } from '../user-store.sql.ts';
import type { UserStore } from '../user-store.ts';
import * as migration from './202612070000-search-terms.ts';

const NAME = '202612070000-search-terms';
const all = await discoverMigrations(new URL('../../', import.meta.url));
const earlier = Object.fromEntries(Object.entries(all).filter(([name]) => name < NAME));

/** Inserts a user as the former version does, with the terms that it made; returns the id. */
async function insertFormer(database: Database, fullName: string, terms: string[]): Promise<string> {
  const id = makeId();
  if (database.kind === 'mongo') {
    const document = {
      _id: id,
      email: null,
      emailNorm: null,
      emailVerified: false,
      username: null,
      usernameKey: null,
      fullName,
      phone: null,
      locale: null,
      profile: {},
      profilePublic: false,
      status: 'active',
      roleIds: [],
      superadminMark: false,
      passwordHash: null,
      passwordVersion: 1,
      mustChangePassword: false,
      sessionEpoch: 3,
      keptSessionId: null,
      emailChange: null,
      invitation: null,
      lastLoginAt: null,
      deletedAt: null,
      createdAt: NOW,
      updatedAt: NOW,
      version: 1,
      terms,
      outbox: [],
    };
    await database.db.collection<{ _id: string }>('users').insertOne(document);
    return id;
  }
  const row = {
    id,
    email_verified: false,
    full_name: fullName,
    profile: '{}',
    profile_public: false,
    status: 'active',
    role_ids: '[]',
    password_version: 1,
    must_change_password: false,
    session_epoch: 3,
    email_change_tries: 0,
    created_at: NOW,
    updated_at: NOW,
    version: 1,
  };
  type Tables = { users: typeof row; user_terms: { term: string; user_id: string } };
  const { db } = sqlOf<Tables>(database);
  await db.insertInto('users').values(row).execute();
  await db
    .insertInto('user_terms')
    .values(terms.map((term) => ({ term, user_id: id })))
    .execute();
  return id;
}

function storeOf(database: Database): UserStore {
  const onCommit = () => {};
  return database.kind === 'sql'
    ? createSqlUserStore({ database, outbox: createSqlOutbox({ onCommit }) })
    : createMongoUserStore({ database, outbox: createMongoOutbox({ database, onCommit }) });
}

const up = (database: Database) =>
  database.kind === 'sql'
    ? migration.sql.up(sqlOf(database).db, columnsOf(database))
    : migration.mongo.up(mongoOf(database).db);
const down = (database: Database) =>
  database.kind === 'sql'
    ? migration.sql.down(sqlOf(database).db, columnsOf(database))
    : migration.mongo.down(mongoOf(database).db);

describe('the search terms of users', { timeout: 120_000 }, () => {
  for (const { name, freshUrl } of testDatabases()) {
    async function withDatabase(work: (database: Database) => Promise<void>): Promise<void> {
      const { url, drop } = await freshUrl();
      const database = await connectDatabase({ url, poolSize: 2, slowQuery: 60_000, log: { warn() {} } });
      try {
        await createMigrator(database, earlier).up();
        await work(database);
      } finally {
        await database.close();
        await drop();
      }
    }

    async function found(database: Database, q: string): Promise<string[]> {
      const page = { after: null, skip: 0, limit: 100 };
      const list = await storeOf(database).list(
        { terms: searchTerms(q) },
        { by: 'createdAt', descending: false },
        page,
      );
      return list.map(({ id }) => id);
    }

    /** Writes the terms that are left, some at a time; returns how many there were. */
    async function rebuild(database: Database): Promise<number> {
      for (let total = 0; ; ) {
        const count = await storeOf(database).rebuildTerms(2);
        assert.ok(count <= 2);
        total += count;
        if (count === 0) return total;
      }
    }

    it(`are written again once, also of those whom the former version still inserts (${name})`, () =>
      withDatabase(async (database) => {
        const users = storeOf(database);
        const present: string[] = [];
        for (let i = 0; i < 5; i++) present.push(await insertFormer(database, 'Łukasz Weiß', ['łukasz', 'weiß']));
        assert.deepEqual(await createMigrator(database, { ...earlier, [NAME]: migration }).up(), [NAME]);
        await createMigrator(database, all).up();
        assert.deepEqual(await found(database, 'lukasz weiss'), []);
        const [renamed = '', changed = '', ...untouched] = present;
        const event = () => makeEvent(`user:${makeId()}`);
        // A new name writes the terms itself; a change of another field leaves them to the job.
        assert.equal(await users.patchProfile(at({ id: renamed, version: 1 }), { fullName: 'Różny' }, event()), 'ok');
        assert.equal(
          await users.patchProfile(at({ id: changed, version: 1 }), { phone: '+12025550123' }, event()),
          'ok',
        );
        const fresh = makeUser({ fullName: 'Łukasz New' });
        assert.equal(await users.insert(fresh, event()), 'ok');
        assert.deepEqual(await found(database, 'rozny'), [renamed]);
        assert.equal(await rebuild(database), 4);
        assert.deepEqual(await found(database, 'lukasz weiss'), [changed, ...untouched]);
        assert.deepEqual(await found(database, 'łukasz new'), [fresh.id]);
        const { version, updatedAt } = (await users.find(untouched[0] ?? '')) ?? assert.fail('the user is there');
        assert.deepEqual([version, updatedAt], [1, NOW]);
        assert.equal(await rebuild(database), 0);
        const late = await insertFormer(database, 'Łucja', ['łucja']);
        assert.equal(await rebuild(database), 1);
        assert.deepEqual(await found(database, 'lucja'), [late]);
      }));

    // PostgreSQL and SQLite roll back a migration that a crash interrupts; the others keep what was done, and the next start repeats it.
    it(`have versions that go and come again, also when a crash repeats it (${name})`, () =>
      withDatabase(async (database) => {
        const times = database.kind === 'mongo' || database.dialect === 'mysql' ? 2 : 1;
        for (let run = 0; run < times; run++) await up(database);
        await insertFormer(database, 'Łukasz', ['łukasz']);
        assert.equal(await rebuild(database), 1);
        for (let run = 0; run < times; run++) await down(database);
        for (let run = 0; run < times; run++) await up(database);
        assert.equal(await rebuild(database), 1);
      }));
  }
});
