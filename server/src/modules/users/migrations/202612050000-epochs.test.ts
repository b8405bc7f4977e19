import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testDatabases } from '../../../../test/databases.ts';
import { makeEvent, makeId, NOW } from '../../../../test/fixtures.ts';
import { at } from '../../../../test/user-verbs.ts';
import { columnsOf } from '../../../platform/database/columns.ts';
import { connectDatabase, type Database, mongoOf, sqlOf } from '../../../platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../../../platform/database/migrations.ts';
import { createMongoOutbox } from '../../events/outbox.mongo.ts';
import { createSqlOutbox } from '../../events/outbox.sql.ts';
import { createMongoUserStore } from '../user-store.mongo.ts';
import { createSqlUserStore } from '../user-store.sql.ts';
import type { UserStore } from '../user-store.ts';
import * as migration from './202612050000-epochs.ts';

const NAME = '202612050000-epochs';
const all = await discoverMigrations(new URL('../../', import.meta.url));
const earlier = Object.fromEntries(Object.entries(all).filter(([name]) => name < NAME));
/** The store of today writes the columns of these, too. */
const later = Object.fromEntries(Object.entries(all).filter(([name]) => name > NAME));

/** Inserts a user as the former version does; returns the id. */
async function insertFormer(database: Database): Promise<string> {
  const id = makeId();
  if (database.kind === 'mongo') {
    const document = {
      _id: id,
      email: null,
      emailNorm: null,
      emailVerified: false,
      username: null,
      usernameKey: null,
      fullName: null,
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
      terms: [],
      outbox: [],
    };
    await database.db.collection<{ _id: string }>('users').insertOne(document);
    return id;
  }
  const row = {
    id,
    email_verified: false,
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
  await sqlOf<{ users: typeof row }>(database).db.insertInto('users').values(row).execute();
  return id;
}

function storeOf(database: Database): UserStore {
  const onCommit = () => {};
  return database.kind === 'sql'
    ? createSqlUserStore({ database, outbox: createSqlOutbox({ onCommit }) })
    : createMongoUserStore({ database, outbox: createMongoOutbox({ database, onCommit }) });
}

const up = (database: Database) =>
  database.kind === 'sql' ? migration.sql.up(sqlOf(database).db, columnsOf(database)) : migration.mongo.up();
const down = (database: Database) =>
  database.kind === 'sql' ? migration.sql.down(sqlOf(database).db) : migration.mongo.down(mongoOf(database).db);

describe('the epochs of users', { timeout: 120_000 }, () => {
  for (const { name, emptyUrl } of testDatabases()) {
    async function withDatabase(work: (database: Database) => Promise<void>): Promise<void> {
      const { url, drop } = await emptyUrl();
      const database = await connectDatabase({ url, poolSize: 2, slowQuery: 60_000, log: { warn() {} } });
      try {
        await createMigrator(database, earlier).up();
        await work(database);
      } finally {
        await database.close();
        await drop();
      }
    }

    const expected = { sessionEpoch: 3, grantEpoch: 0, credentialEpoch: 0 };
    async function assertEpochs(database: Database, id: string, epochs: object): Promise<void> {
      const found = (await storeOf(database).find(id)) ?? assert.fail('the user is there');
      const { sessionEpoch, grantEpoch, credentialEpoch } = found;
      assert.deepEqual({ sessionEpoch, grantEpoch, credentialEpoch }, epochs);
    }

    it(`are 0 for whoever is there, and whom the former version still inserts (${name})`, () =>
      withDatabase(async (database) => {
        const present = await insertFormer(database);
        assert.deepEqual(await createMigrator(database, { ...earlier, [NAME]: migration }).up(), [NAME]);
        const late = await insertFormer(database);
        for (const id of [present, late]) await assertEpochs(database, id, expected);
        const page = { after: null, skip: 0, limit: 10 };
        const listed = await storeOf(database).list({}, { by: 'createdAt', descending: false }, page);
        assert.deepEqual(
          listed.map(({ id, grantEpoch, credentialEpoch }) => [id, grantEpoch, credentialEpoch]),
          [present, late].map((id) => [id, 0, 0]),
        );
      }));

    // PostgreSQL and SQLite roll back a migration that a crash interrupts; the others keep what was done, and the next start repeats it.
    it(`go and come again, also when a crash repeats it (${name})`, () =>
      withDatabase(async (database) => {
        const times = database.kind === 'mongo' || database.dialect === 'mysql' ? 2 : 1;
        for (let run = 0; run < times; run++) await up(database);
        await createMigrator(database, { ...earlier, ...later }).up();
        const id = await insertFormer(database);
        const raised = { sessionEpoch: 4, grantEpoch: 5 };
        const users = storeOf(database);
        assert.equal(await users.softDelete(at({ id, version: 1 }), raised, makeEvent(`user:${id}`)), 'ok');
        await assertEpochs(database, id, { ...raised, credentialEpoch: 0 });
        for (let run = 0; run < times; run++) await down(database);
        for (let run = 0; run < times; run++) await up(database);
        await assertEpochs(database, id, { ...expected, sessionEpoch: 4 });
      }));
  }
});
