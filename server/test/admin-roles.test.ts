import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type AdminUser,
  admin,
  holder,
  idOf,
  type List,
  type Role,
  readRole,
  readUser,
  walk,
  withWorld,
} from './administration.ts';
import { ok } from './client.ts';
import { createWorld, member, newRole } from './matrix/world.ts';
import { refused } from './scenario.ts';
import { withWatchedScene } from './watched-app.ts';

const BUILT_IN = (digit: number) => `00000000-0000-7000-8000-00000000000${digit}`;

describe('roles', () => {
  test('are made, read, changed, listed, deleted', () =>
    withWorld(async (w) => {
      const body = {
        code: 'model_manager',
        name: 'Model manager',
        description: 'Two\nlines',
        permissions: ['GET:/api/v1/admin/users', '*:/api/v1/admin/roles/*'],
        uiPermissions: { buttons: ['save'], menus: ['models', 'über'] },
        rateLimit: { max: 10, windowSeconds: 60 },
        fileQuota: { bytes: 2 ** 50, files: 500 },
      };
      const made = ok<Role>(await admin(w, 'POST', '/roles', body), 201);
      const at = w.time.now.toISOString();
      const demand = { mfa: 'off', trustDevices: false };
      const more = {
        ...demand,
        enabled: true,
        builtIn: false,
        unknownPermissions: [],
        createdAt: at,
        updatedAt: at,
        version: 1,
      };
      assert.deepEqual(made, { ...body, ...more, id: made.id });
      assert.deepEqual(await readRole(w, made.id), made);
      w.time.forward(1000);
      const patch = {
        name: 'Another',
        description: null,
        enabled: false,
        rateLimit: null,
        fileQuota: null,
        uiPermissions: { menus: ['one'] },
      };
      const changed = ok<Role>(await admin(w, 'PATCH', `/roles/${made.id}`, patch), 200);
      assert.equal(changed.updatedAt, w.time.now.toISOString());
      assert.deepEqual(
        [changed.name, changed.description, changed.enabled, changed.rateLimit, changed.fileQuota],
        ['Another', null, false, null, null],
      );
      assert.deepEqual(changed.permissions, body.permissions);
      const listed = await walk<Role>(w, '/roles', 2);
      assert.deepEqual(listed.map(({ code }) => code).sort(), [
        'admin',
        'guest',
        'model_manager',
        'superadmin',
        'user',
      ]);
      assert.deepEqual(
        listed.find(({ id }) => id === made.id),
        changed,
      );
      ok(await admin(w, 'DELETE', `/roles/${made.id}`), 204);
      for (const method of ['GET', 'DELETE'] as const) {
        refused(await admin(w, method, `/roles/${made.id}`), 404, 'role_not_found');
      }
      refused(await admin(w, 'PATCH', `/roles/${made.id}`, { name: 'Gone' }), 404, 'role_not_found');
      ok(await admin(w, 'POST', '/roles', body), 201);
      refused(await admin(w, 'POST', '/roles', body), 409, 'role_code_taken');
    }));

  test('refuse what does not fit', () =>
    withWorld(async (w) => {
      const good = { code: 'good_role', name: 'Good' };
      const bad: object[] = [
        ...['Upper', '1st', 'a', 'with space', 'ünder', 'a'.repeat(51), 'a/b', 'a\n', ''].map((code) => ({
          ...good,
          code,
        })),
        { code: 'good_role' },
        { ...good, name: '' },
        { ...good, name: 'Two\nlines' },
        { ...good, enabled: 'yes' },
        { ...good, builtIn: true },
        { ...good, id: BUILT_IN(1) },
        { ...good, permissions: ['*', '*'] },
        { ...good, permissions: '*' },
        { ...good, rateLimit: { max: 0, windowSeconds: 60 } },
        { ...good, rateLimit: { max: 1 } },
        { ...good, fileQuota: { bytes: -1, files: 1 } },
        { ...good, fileQuota: { bytes: 1.5, files: 1 } },
        { ...good, fileQuota: { bytes: 1 } },
        { ...good, uiPermissions: { pages: [] } },
      ];
      for (const body of bad) refused(await admin(w, 'POST', '/roles', body), 400, 'validation_failed');
      const id = await newRole(w, {});
      for (const body of [{}, { id: 'x' }, { builtIn: true }, { name: null }]) {
        refused(await admin(w, 'PATCH', `/roles/${id}`, body), 400, 'validation_failed');
      }
    }));

  test('members are listed; who loses the role by its end loses it for good, also when a code comes back', () =>
    withWorld(async (w) => {
      const one = await holder(w, ['GET:/api/v1/admin/routes']);
      const two = await member(w, [one.roleId, 'user']);
      const { code } = await readRole(w, one.roleId);
      const members = await walk<AdminUser>(w, `/roles/${one.roleId}/users`, 1);
      assert.deepEqual(members.map(({ id }) => id).sort(), [one.userId, two.userId].sort());
      const admins = ok<List<AdminUser>>(await admin(w, 'GET', `/roles/${BUILT_IN(1)}/users`), 200);
      assert.deepEqual(
        admins.items.map(({ id }) => id),
        [await idOf(w)],
      );
      refused(await admin(w, 'GET', '/roles/nothing/users'), 404, 'role_not_found');
      ok(await admin(w, 'DELETE', `/roles/${one.roleId}`), 204);
      const body = { code, name: 'Back', permissions: ['GET:/api/v1/admin/routes'] };
      const back = ok<Role>(await admin(w, 'POST', '/roles', body), 201);
      assert.notEqual(back.id, one.roleId);
      for (const { token, userId } of [one, two]) {
        refused(await admin(w, 'GET', '/routes', undefined, token), 403, 'forbidden');
        assert.ok(!(await readUser(w, userId)).roles.includes(code));
      }
      assert.deepEqual((await readUser(w, two.userId)).roles, ['user']);
    }));

  test('many are deleted in one request, each with its result', () =>
    withWorld(async (w) => {
      const [one, two] = [await newRole(w, {}), await newRole(w, {})];
      const ids = [one, BUILT_IN(2), 'nothing', two];
      const answer = ok<{ results: object[] }>(await admin(w, 'POST', '/roles/delete', { ids }), 200);
      assert.deepEqual(answer.results, [
        { id: one, ok: true, code: null },
        { id: BUILT_IN(2), ok: false, code: 'role_built_in' },
        { id: 'nothing', ok: false, code: 'role_not_found' },
        { id: two, ok: true, code: null },
      ]);
      for (const id of [one, two]) refused(await admin(w, 'GET', `/roles/${id}`), 404, 'role_not_found');
      for (const bad of [[], [one, one], Array.from({ length: 101 }, (_, index) => `id${index}`)]) {
        refused(await admin(w, 'POST', '/roles/delete', { ids: bad }), 400, 'validation_failed');
      }
    }));

  test('permissions that no route answers to are told in the role, and in the log at the start', () =>
    withWatchedScene(async (s) => {
      const w = await createWorld(s);
      const permissions = [
        'GET:/api/v1/admin/users',
        'GET:/api/v1/gone',
        '*:/api/v1/gone/*',
        '*:/api/v1/admin/users/*',
      ];
      const id = await newRole(w, { code: 'has_strange_codes', permissions });
      assert.deepEqual((await readRole(w, id)).unknownPermissions, ['GET:/api/v1/gone', '*:/api/v1/gone/*']);
      const since = s.log.length;
      await s.app.start();
      const warned = s.log.slice(since).filter((line) => line.includes('has_strange_codes'));
      assert.equal(warned.length, 1, s.log.slice(since).join(''));
      assert.equal(JSON.parse(warned[0] ?? '').level, 'warn');
      assert.match(warned[0] ?? '', /GET:\/api\/v1\/gone/);
    }));
});
