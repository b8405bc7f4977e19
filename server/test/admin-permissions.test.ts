import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type AdminUser,
  admin,
  holder,
  idOf,
  type Role,
  readRole,
  readUser,
  walk,
  withWorld,
} from './administration.ts';
import { ok } from './client.ts';
import { giveRoles, member, newRole, type World } from './matrix/world.ts';
import { refused } from './scenario.ts';

interface Permissions {
  roles: string[];
  permissions: string[];
  uiPermissions: { buttons: string[]; menus: string[] };
}
const permissionsOf = async (w: World, token: string) =>
  ok<Permissions>(await w.client.send('GET', '/users/me/permissions', { token }), 200);

describe('what somebody may', () => {
  test('GET /users/me/permissions: the union of their enabled roles; everything for superadmins', () =>
    withWorld(async (w) => {
      const role = async (code: string, permission: string, enabled = true) => {
        const uiPermissions = { buttons: ['save', code], menus: [code] };
        const body = {
          code,
          name: code,
          permissions: [permission, 'GET:/api/v1/admin/routes'],
          enabled,
          uiPermissions,
        };
        return ok<Role>(await admin(w, 'POST', '/roles', body), 201).id;
      };
      const ids = [
        await role('one', 'GET:/api/v1/admin/users'),
        await role('two', 'GET:/api/v1/admin/roles'),
        await role('off', '*', false),
      ];
      const { token } = await member(w, [...ids, 'user']);
      const { roles, permissions, uiPermissions } = await permissionsOf(w, token);
      assert.deepEqual(roles.toSorted(), ['one', 'two', 'user']);
      assert.deepEqual(permissions.toSorted(), [
        'GET:/api/v1/admin/roles',
        'GET:/api/v1/admin/routes',
        'GET:/api/v1/admin/users',
      ]);
      assert.deepEqual(uiPermissions.buttons.toSorted(), ['one', 'save', 'two']);
      assert.deepEqual(uiPermissions.menus.toSorted(), ['one', 'two']);
      const root = await permissionsOf(w, w.root);
      assert.ok(root.permissions.includes('*') && root.roles.includes('superadmin'));
      assert.deepEqual((await permissionsOf(w, (await member(w, [])).token)).permissions, []);
    }));

  test('explain: every reason, and it is what the guard does', () =>
    withWorld(
      async (w) => {
        const explain = async (userId: string, method: string, path: string) => {
          const query = `method=${method}&path=${encodeURIComponent(path)}`;
          const answer = await admin(w, 'GET', `/users/${userId}/explain?${query}`);
          return ok<{
            allowed: boolean;
            reason: string;
            route: { code: string };
            roles: { code: string; enabled: boolean; grant: string | null }[];
          }>(answer, 200);
        };
        const reader = await holder(w, ['GET:/api/v1/admin/*']);
        const plain = await member(w);
        const unverified = await member(w);
        ok(await admin(w, 'PATCH', `/users/${unverified.userId}`, { emailVerified: false }), 200);
        const disabled = await member(w, ['admin']);
        ok(await admin(w, 'POST', `/users/${disabled.userId}/deactivate`), 200);
        const off = await member(w, [await newRole(w, { permissions: ['*'], enabled: false })]);
        const modeller = await member(w, [await newRole(w, { code: 'model_manager' })]);
        const USERS = '/api/v1/admin/users';
        const cases: [
          who: { userId: string; token: string },
          method: 'GET' | 'POST',
          path: string,
          reason: string,
          allowed: boolean,
        ][] = [
          [plain, 'GET', '/health', 'open_to_all', true],
          [disabled, 'GET', '/health', 'open_to_all', true],
          [plain, 'GET', '/api/v1/users/me', 'signed_in', true],
          [disabled, 'GET', '/api/v1/users/me', 'account_not_active', false],
          [disabled, 'GET', USERS, 'account_not_active', false],
          [unverified, 'GET', '/api/v1/proved', 'email_unverified', false],
          [plain, 'GET', '/api/v1/proved', 'signed_in', true],
          [{ userId: await idOf(w), token: w.root }, 'GET', USERS, 'superadmin', true],
          [reader, 'GET', USERS, 'granted', true],
          [reader, 'POST', `${USERS}/bulk`, 'no_grant', false],
          [off, 'GET', USERS, 'no_grant', false],
          [plain, 'GET', USERS, 'no_grant', false],
          [modeller, 'GET', '/api/v1/models', 'has_role', true],
          [plain, 'GET', '/api/v1/models', 'lacks_role', false],
        ];
        for (const [{ userId, token }, method, path, reason, allowed] of cases) {
          const told = await explain(userId, method, path);
          assert.deepEqual(
            [told.reason, told.allowed],
            [reason, allowed],
            `${method} ${path}: ${JSON.stringify(told)}`,
          );
          const answer = await w.client.send(method, path.startsWith('/api') ? path.slice('/api/v1'.length) : path, {
            token,
            ...(method === 'POST' && { body: {} }),
          });
          if (path.startsWith('/api'))
            assert.equal(![401, 403].includes(answer.statusCode), allowed, `${method} ${path}: ${answer.body}`);
        }
        const granted = await explain(reader.userId, 'GET', `${USERS}/${plain.userId}`);
        assert.equal(granted.route.code, 'GET:/api/v1/admin/users/{id}');
        assert.deepEqual(
          granted.roles.map(({ grant }) => grant),
          ['GET:/api/v1/admin/*'],
        );
        assert.equal((await explain(off.userId, 'GET', USERS)).roles[0]?.enabled, false);
        const path = `/users/${plain.userId}/explain`;
        refused(await admin(w, 'GET', `${path}?method=GET&path=/api/v1/nothing`), 404, 'route_not_found');
        refused(await admin(w, 'GET', `${path}?method=GET&path=nothing`), 400, 'validation_failed');
        refused(await admin(w, 'GET', `${path}?path=/health`), 400, 'validation_failed');
        refused(await admin(w, 'GET', '/users/nobody/explain?method=GET&path=/health'), 404, 'user_not_found');
      },
      {
        routes(app) {
          app.get('/api/v1/proved', { config: { access: 'verified' } }, async () => ({}));
          app.get('/api/v1/models', { config: { access: { anyRole: ['model_manager'] } } }, async () => ({}));
        },
      },
    ));
});

describe('the catalogue', () => {
  test('parity 15: one permission code for each method and path', () =>
    withWorld(async (w) => {
      const routes = await walk<{ method: string; path: string; code: string; access: unknown }>(w, '/routes', 7);
      assert.ok(routes.length > 40);
      for (const { method, path, code } of routes) assert.equal(code, `${method}:${path}`);
      assert.equal(new Set(routes.map(({ code }) => code)).size, routes.length);
      assert.ok(
        routes.every(({ path }) => !/[:*]\w/.test(path)),
        'templates are written with braces',
      );
      for (const { path, access } of routes.filter((route) => route.path.startsWith('/api/v1/admin/'))) {
        assert.equal(access, 'permission', path);
      }
    }));

  test('parity 15: HEAD counts as GET', () =>
    withWorld(async (w) => {
      const reader = await holder(w, ['GET:/api/v1/admin/users']);
      assert.equal((await admin(w, 'HEAD', '/users', undefined, reader.token)).statusCode, 200);
      assert.equal((await admin(w, 'HEAD', '/roles', undefined, reader.token)).statusCode, 403);
    }));

  test('parity 15: an edited role takes effect with the next request, in both directions', () =>
    withWorld(async (w) => {
      const who = await holder(w, []);
      const edit = async (body: object) => ok(await admin(w, 'PATCH', `/roles/${who.roleId}`, body), 200);
      const status = async () => (await admin(w, 'GET', '/routes', undefined, who.token)).statusCode;
      for (let round = 0; round < 3; round++) {
        await edit({ permissions: ['GET:/api/v1/admin/routes'] });
        assert.equal(await status(), 200);
        await edit({ enabled: false });
        assert.equal(await status(), 403);
        await edit({ enabled: true });
        assert.equal(await status(), 200);
        await edit({ permissions: ['POST:/api/v1/admin/routes', 'GET:/api/v1/admin/routes/*'] });
        assert.equal(await status(), 403);
        await edit({ permissions: ['*:/api/v1/*/routes'] });
        assert.equal(await status(), 200);
        await giveRoles(w, who.userId, []);
        assert.equal(await status(), 403);
        await giveRoles(w, who.userId, [who.roleId]);
        assert.equal(await status(), 200);
      }
      assert.deepEqual((await readUser(w, who.userId)).roles, [(await readRole(w, who.roleId)).code]);
    }));

  test('everybody new is a user, however they came', () =>
    withWorld(async (w) => {
      const { id } = ok<AdminUser>(await admin(w, 'POST', '/users', { email: 'somebody.new@example.com' }), 201);
      assert.deepEqual((await readUser(w, id)).roles, ['user']);
      assert.deepEqual((await readUser(w, (await member(w)).userId)).roles, ['user']);
    }));
});
