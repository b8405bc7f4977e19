import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql as rawSql } from 'kysely';
import { type FreshDatabase, testDatabases } from '../../../../test/databases.ts';
import { makeId, NOW } from '../../../../test/fixtures.ts';
import { columnsOf } from '../../../platform/database/columns.ts';
import { connectDatabase, type Database, mongoOf, sqlOf } from '../../../platform/database/database.ts';
import { createMigrator, discoverMigrations } from '../../../platform/database/migrations.ts';
import { createMongoOutbox } from '../../events/outbox.mongo.ts';
import { createSqlOutbox } from '../../events/outbox.sql.ts';
import { createMongoUserStore } from '../user-store.mongo.ts';
import { createSqlUserStore } from '../user-store.sql.ts';
import type { UserStore } from '../user-store.ts';
import * as migration from './202611260000-users.ts';

const NAME = '202611260000-users';
const ROLE = '00000000-0000-7000-8000-000000000003';
/** More users than one read takes. */
const PEOPLE = 1201;

const all = await discoverMigrations(new URL('../../', import.meta.url));
const earlier = Object.fromEntries(Object.entries(all).filter(([name]) => name < '202611260000'));
const present = { ...earlier, [NAME]: migration };

interface Person {
  id: string;
  emailNorm: string;
  username: string | null;
  roleIds: string[];
}

const people: Person[] = Array.from({ length: PEOPLE }, (_, i) => ({
  id: makeId(),
  emailNorm: `person${i}@example.org`,
  username: i % 2 === 0 ? `Näme${i}` : null,
  roleIds: [['user'], ['editor', 'user'], []][i % 3] ?? [],
}));
const superadmins = people.slice(0, 2).map(({ id }) => id);

/** Users as the version before wrote them. */
async function insertPeople(database: Database): Promise<void> {
  const common = { passwordVersion: 1, sessionEpoch: 0, version: 1, createdAt: NOW, updatedAt: NOW };
  if (database.kind === 'mongo') {
    const nothing = { email: null, usernameKey: null, fullName: null, phone: null, locale: null, passwordHash: null };
    const more = { ...nothing, profile: {}, profilePublic: false, mustChangePassword: false, keptSessionId: null };
    const rest = { emailVerified: true, emailChange: null, lastLoginAt: null, deletedAt: null, outbox: [] };
    const documents = people.map(({ id, ...person }) => ({
      ...{ _id: id, ...person, usernameKey: person.username ?? null },
      ...{ ...common, ...more, ...rest, status: 'active', usernameKey: person.username },
    }));
    await database.db.collection<{ _id: string }>('users').insertMany(documents);
    await database.db.collection('superadmins').updateOne({}, { $set: { userIds: superadmins } });
    return;
  }
  const { db } = sqlOf<{ users: Record<string, unknown>; superadmins: { user_ids: string } }>(database);
  const no = { profile_public: false, must_change_password: false };
  const rows = people.map(({ id, emailNorm, username, roleIds }) => ({
    ...{ id, email_norm: emailNorm, email_verified: true, username, username_key: username, profile: '{}', ...no },
    ...{ status: 'active', role_ids: JSON.stringify(roleIds), password_version: 1, session_epoch: 0 },
    ...{ email_change_tries: 0, created_at: NOW, updated_at: NOW, version: 1 },
  }));
  for (let i = 0; i < rows.length; i += 400)
    await db
      .insertInto('users')
      .values(rows.slice(i, i + 400))
      .execute();
  await db
    .updateTable('superadmins')
    .set({ user_ids: JSON.stringify(superadmins) })
    .execute();
}

function storeOf(database: Database): UserStore {
  const onCommit = () => {};
  return database.kind === 'sql'
    ? createSqlUserStore({ database, outbox: createSqlOutbox({ onCommit }) })
    : createMongoUserStore({ database, outbox: createMongoOutbox({ database, onCommit }) });
}

async function assertMigrated(users: UserStore): Promise<void> {
  const page = { after: null, skip: 0, limit: PEOPLE + 1 };
  const order = { by: 'createdAt', descending: false } as const;
  const list = await users.list({}, order, page);
  assert.deepEqual(
    list.map(({ id, roleIds, superadminMark, invitation }) => ({ id, roleIds, superadminMark, invitation })),
    people.map(({ id, roleIds }) => ({
      id,
      roleIds: roleIds.map((role) => (role === 'user' ? ROLE : role)),
      superadminMark: superadmins.includes(id),
      invitation: null,
    })),
  );
  const holders = people.filter(({ roleIds }) => roleIds.includes('user'));
  assert.equal(await users.count({ roleId: ROLE }, PEOPLE), holders.length);
  assert.equal(await users.count({ roleId: 'user' }, PEOPLE), 0);
  assert.equal(await users.count({ roleId: 'editor' }, PEOPLE), people.filter((one) => one.roleIds.length > 1).length);
  assert.equal(await users.count({ terms: ['@example.org'] }, PEOPLE), PEOPLE);
  const found = await users.list({ terms: ['name1200'] }, order, page);
  assert.deepEqual(
    found.map(({ id }) => id),
    [people[1200]?.id],
  );
}

for (const { name, emptyUrl } of testDatabases()) {
  describe(`${name}: the migration of users`, { timeout: 120_000 }, () => {
    async function withPeople(work: (database: Database) => Promise<void>): Promise<void> {
      const fresh: FreshDatabase = await emptyUrl();
      const database = await connectDatabase({ url: fresh.url, poolSize: 2, slowQuery: 60_000, log: { warn() {} } });
      try {
        await createMigrator(database, earlier).up();
        await insertPeople(database);
        await work(database);
      } finally {
        await database.close();
        await fresh.drop();
      }
    }

    it('brings along everybody who is there', () =>
      withPeople(async (database) => {
        assert.deepEqual(await createMigrator(database, present).up(), [NAME]);
        await assertMigrated(storeOf(database));
      }));

    it('goes down and up again', () =>
      withPeople(async (database) => {
        const migrator = createMigrator(database, present);
        await migrator.up();
        assert.deepEqual(await migrator.down(), [NAME]);
        const roles = await roleIdsOf(database, people[1]?.id ?? '');
        assert.deepEqual(roles, ['editor', 'user']);
        await migrator.up();
        await assertMigrated(storeOf(database));
      }));

    // PostgreSQL and SQLite roll back a migration that a crash interrupts; the others keep what was done.
    if (name === 'mysql' || name === 'mongodb') {
      it('can be run again, in both directions, where a crash came right before its end', () =>
        withPeople(async (database) => {
          for (let run = 0; run < 2; run++) await step(database, 'up');
          await assertMigrated(storeOf(database));
          for (let run = 0; run < 2; run++) await step(database, 'down');
          for (let run = 0; run < 2; run++) await step(database, 'up');
          await assertMigrated(storeOf(database));
        }));
    }
  });
}

async function step(database: Database, direction: 'up' | 'down'): Promise<void> {
  if (database.kind === 'mongo') await migration.mongo[direction](database.db);
  else await migration.sql[direction](database.db, columnsOf(database));
}

async function roleIdsOf(database: Database, id: string): Promise<unknown> {
  if (database.kind === 'mongo') {
    return (await mongoOf(database).db.collection<{ _id: string; roleIds: string[] }>('users').findOne({ _id: id }))
      ?.roleIds;
  }
  const { rows } = await rawSql<{ role_ids: string }>`select role_ids from users where id = ${id}`.execute(database.db);
  return JSON.parse(rows[0]?.role_ids ?? 'null');
}
