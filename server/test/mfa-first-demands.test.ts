import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { demandMfaOfAdministrators } from '../src/modules/access/first-demands.ts';
import { createEvents } from '../src/modules/events/events.ts';
import { makeEvent, makeUser } from './fixtures.ts';
import { emptySqlite, type Scene, withScene } from './scenario.ts';

const ADMIN = '00000000-0000-7000-8000-000000000002';

/** What a start in this environment does, on a database that is migrated. */
async function start({ app, time }: Scene, environment: 'production' | 'development'): Promise<void> {
  const { roles: store, superadmins: superadminStore, users: userStore } = app.storage;
  const clock = () => time.now;
  const events = createEvents({ clock });
  await demandMfaOfAdministrators({ environment, store, superadminStore, userStore, events, clock });
}

const demands = async ({ app }: Scene) =>
  Object.fromEntries((await app.storage.roles.list()).map(({ code, mfa }) => [code, mfa]));
const OFF = { superadmin: 'off', admin: 'off', user: 'off', guest: 'off' };
const GUARDED = { ...OFF, superadmin: 'required', admin: 'required' };

describe('whether administrators need two factors from the first start on', () => {
  test('in production they do, told in the audit log once, however many instances start', () =>
    withScene(async (s) => {
      await Promise.all([start(s, 'production'), start(s, 'production'), start(s, 'production')]);
      assert.deepEqual(await demands(s), GUARDED);
      const told = await s.app.storage.events.listForTarget(`role:${ADMIN}`);
      assert.deepEqual(
        told.map(({ type, data }) => [type, data]),
        [['role.changed', { before: { mfa: 'off' }, after: { mfa: 'required' } }]],
      );
      await start(s, 'production');
      assert.equal((await s.app.storage.events.listForTarget(`role:${ADMIN}`)).length, 1);
    }));

  test('not in development, and not once it was begun there', () =>
    withScene(async (s) => {
      await start(s, 'development');
      assert.deepEqual(await demands(s), OFF);
      // Every start without a superadmin offers a setup link.
      await s.app.setup.offer();
      await start(s, 'production');
      assert.deepEqual(await demands(s), OFF);
    }));

  test('not where somebody has an account already, as after an update', () =>
    withScene(async (s) => {
      const user = makeUser();
      await s.app.storage.users.insert(user, makeEvent(`user:${user.id}`));
      await start(s, 'production');
      assert.deepEqual(await demands(s), OFF);
    }));

  test('a start that was killed half-way is made up for; a role that somebody changed is left alone', () =>
    withScene(async (s) => {
      const patch = { id: ADMIN, version: 1, now: s.time.now };
      await s.app.storage.roles.patch(patch, { name: 'Boss' }, makeEvent(`role:${ADMIN}`));
      await start(s, 'production');
      assert.deepEqual(await demands(s), { ...GUARDED, admin: 'off' });
    }));

  test('the server does it before it offers its setup link', () =>
    withScene(async (s) => assert.deepEqual(await demands(s), GUARDED), {
      freshUrl: emptySqlite,
      env: {
        ENVIRONMENT: 'production',
        PUBLIC_URL: 'https://accounts.example.com',
        SECRET_KEY: 'q8Jx1sV0mYb3Zt7uHn5dKw2RfLc9PgEa4TiXoNlQ6v0=',
        SMTP_URL: 'smtp://user:long-enough-password@mail.example.com:587',
        MAIL_FROM: 'Accounts <no-reply@example.com>',
      },
    }));
});
