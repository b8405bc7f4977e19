import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HttpServer } from '../src/platform/http/server.ts';
import { admin, holder, idOf, readRole, readUser, withWorld } from './administration.ts';
import { ok } from './client.ts';
import { giveRoles, type Member, member, newRole, type World } from './matrix/world.ts';
import { refused, somebody } from './scenario.ts';

/** All of roles and users, and nothing else. */
const MANAGER = [
  ...['*:/api/v1/admin/roles', '*:/api/v1/admin/roles/*'],
  ...['*:/api/v1/admin/users', '*:/api/v1/admin/users/*'],
];

/** Routes of every kind that power must know about. */
const routes = (app: HttpServer) => {
  app.get('/api/v1/models', { config: { access: { anyRole: ['model_manager'] } } }, async () => ({}));
  app.get(
    '/api/v1/models/all',
    { config: { access: { allRoles: ['model_manager', 'model_owner'] } } },
    async () => ({}),
  );
  app.get('/api/v1/vault', { config: { access: 'permission', sensitive: true } }, async () => ({}));
  const formerly = ['GET:/api/v1/admin/users/{id}/safe'];
  app.get('/api/v1/safe', { config: { access: 'permission', sensitive: true, formerly } }, async () => ({}));
  const moved = { access: 'permission', formerly: ['GET:/api/v1/admin/users/{id}/reports'] } as const;
  app.get('/api/v1/reports', { config: moved }, async () => ({}));
};
const withPower = (run: (w: World) => Promise<void>) => withWorld(run, { routes });

const asked = (
  w: World,
  who: Member,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: object,
) => admin(w, method, path, body, who.token);

/** Permissions that somebody with `MANAGER` does not hold, however they are written. */
const BEYOND = [
  ['*'],
  ['*:/*'],
  ['*:/api/*'],
  ['*:/api/v1/*'],
  ['GET:/api/v1/*'],
  ['*:/api/v1/admin/*'],
  ['GET:/api/v1/admin/*'],
  ['*:/api/v1/*/users'],
  ['*:/api/v1/*/users/*'],
  ['*:/*/v1/admin/users/*'],
  ['*:/*/*/admin/users'],
  ['*:/api/v1/admin/*/*'],
  ['GET:/api/v1/admin/*/{id}'],
  ['GET:/*/*/*/*'],
  ['GET:/api/v1/admin/events'],
  ['GET:/api/v1/admin/routes'],
  ['GET:/api/v1/nothing'],
  ['GET:/api/v1/vault'],
  ['GET:/api/v1/safe'],
  ['GET:/api/v1/admin/users', 'GET:/api/v1/admin/events'],
];

describe('permissions that roles are given', () => {
  test('parity 7: nobody makes or widens a role beyond what they hold, however it is written', () =>
    withPower(async (w) => {
      const manager = await holder(w, MANAGER);
      const other = await newRole(w, { permissions: ['GET:/api/v1/admin/users'] });
      for (const permissions of BEYOND) {
        const said = permissions.join();
        for (const enabled of [true, false]) {
          const body = { code: 'sneaky', name: 'Sneaky', permissions, enabled };
          refused(await asked(w, manager, 'POST', '/roles', body), 403, 'power_exceeded');
        }
        for (const id of [other, manager.roleId]) {
          const answer = await asked(w, manager, 'PATCH', `/roles/${id}`, {
            permissions: [...MANAGER, ...permissions],
          });
          assert.equal(answer.statusCode, 403, `${said}: ${answer.body}`);
        }
      }
      assert.deepEqual((await readRole(w, manager.roleId)).permissions, MANAGER);
      assert.deepEqual((await readRole(w, other)).permissions, ['GET:/api/v1/admin/users']);
    }));

  test('parity 7: patterns of a strange form are refused as such', () =>
    withPower(async (w) => {
      const strange = [
        ...['', ' ', '**', '*:*', '*:', ':', 'GET', 'GET:', 'get:/api/v1/admin/users', 'GET :/api/v1', ' *', '* '],
        ...[
          'GET:/api/v1/admin/user*',
          'G*:/api/v1/admin/users',
          'GET:api/v1',
          'ALL:/api/v1/*',
          'GET:/api/v1/*\n',
          '*\u0000',
        ],
        ...['GET:/api/v1/**', 'GET:/api/v1/admin/*users', '!GET:/api/v1/admin/users', 'GET|POST:/api/v1/admin/users'],
      ];
      for (const pattern of strange) {
        const body = { code: 'strange', name: 'Strange', permissions: [pattern] };
        refused(await admin(w, 'POST', '/roles', body), 400, 'validation_failed');
      }
    }));

  test('parity 7: what somebody holds they do hand on', () =>
    withPower(async (w) => {
      const manager = await holder(w, MANAGER);
      const held = [
        [],
        MANAGER,
        ['GET:/api/v1/admin/users'],
        ['GET:/api/v1/admin/users/{id}'],
        ['GET:/api/v1/admin/users/*'],
        ['GET:/api/v1/admin/users/*/sessions'],
        ['*:/api/v1/admin/users/*/*'],
        ['DELETE:/api/v1/admin/roles/{id}'],
      ];
      for (const [index, permissions] of held.entries()) {
        const body = { code: `handed_${index}`, name: 'Handed on', permissions };
        const { id } = ok<{ id: string }>(await asked(w, manager, 'POST', '/roles', body), 201);
        const friend = await member(w);
        ok(await asked(w, manager, 'PUT', `/users/${friend.userId}/roles`, { roles: [id] }), 200);
        ok(await asked(w, manager, 'DELETE', `/roles/${id}`), 204);
      }
    }));

  test('parity 7: sensitive routes are neither opened nor handed on by patterns, nor by a code that they had', () =>
    withPower(async (w) => {
      const powerful = await member(w, ['admin']);
      const manager = await holder(w, MANAGER);
      for (const path of ['/api/v1/vault', '/api/v1/safe']) {
        for (const { token } of [powerful, manager])
          refused(await w.client.send('GET', path, { token }), 403, 'forbidden');
      }
      for (const code of ['GET:/api/v1/vault', 'GET:/api/v1/safe', 'GET:/api/v1/admin/users/{id}/safe']) {
        for (const who of [powerful, manager]) {
          const body = { code: 'to_the_vault', name: 'To the vault', permissions: [code] };
          refused(await asked(w, who, 'POST', '/roles', body), 403, 'power_exceeded');
        }
        const keeper = await holder(w, [code]);
        refused(await asked(w, powerful, 'POST', `/users/${keeper.userId}/deactivate`), 403, 'power_exceeded');
        refused(await asked(w, powerful, 'PATCH', `/roles/${keeper.roleId}`, { name: 'Mine' }), 403, 'power_exceeded');
      }
      const keeper = await holder(w, ['GET:/api/v1/admin/users/{id}/safe']);
      ok(await w.client.send('GET', '/api/v1/safe', { token: keeper.token }), 200);
      const inner = await holder(w, ['GET:/api/v1/*']);
      refused(await w.client.send('GET', '/api/v1/safe', { token: inner.token }), 403, 'forbidden');
    }));

  test('parity 7: a code that a route once had is worth what the route is now', () =>
    withPower(async (w) => {
      const former = 'GET:/api/v1/admin/users/{id}/reports';
      const reader = await holder(w, [former]);
      ok(await w.client.send('GET', '/api/v1/reports', { token: reader.token }), 200);
      const manager = await holder(w, MANAGER);
      const opens = (await w.client.send('GET', '/api/v1/reports', { token: manager.token })).statusCode === 200;
      const body = { code: 'reporter', name: 'Reporter', permissions: [former] };
      const answer = await asked(w, manager, 'POST', '/roles', body);
      assert.equal(answer.statusCode, opens ? 201 : 403, `they can use it themselves: ${opens}; ${answer.body}`);
    }));
});

describe('roles that people are given', () => {
  test('parity 7: nobody gives themselves a role, nor takes one off', () =>
    withPower(async (w) => {
      const manager = await holder(w, MANAGER);
      const { code } = await readRole(w, manager.roleId);
      for (const roles of [['superadmin'], ['admin'], [code, 'user'], [], [code]]) {
        refused(await asked(w, manager, 'PUT', `/users/${manager.userId}/roles`, { roles }), 403, 'self_protected');
      }
      refused(await admin(w, 'PUT', `/users/${await idOf(w)}/roles`, { roles: [] }), 403, 'self_protected');
      assert.deepEqual((await readUser(w, manager.userId)).roles, [code]);
    }));

  test('parity 7: nobody gives somebody else a role with more than they hold, by code or id, invited or not', () =>
    withPower(async (w) => {
      const manager = await holder(w, MANAGER);
      const friend = await member(w);
      const off = await newRole(w, { permissions: ['*'], enabled: false });
      const BUILT_IN = '00000000-0000-7000-8000-00000000000';
      for (const role of ['superadmin', `${BUILT_IN}1`, 'admin', `${BUILT_IN}2`, off]) {
        for (const roles of [[role], ['user', role]]) {
          refused(await asked(w, manager, 'PUT', `/users/${friend.userId}/roles`, { roles }), 403, 'power_exceeded');
          const { email } = somebody();
          refused(await asked(w, manager, 'POST', '/users', { email, roles }), 403, 'power_exceeded');
          const body = { email, roles, temporaryPassword: 'a password for one day', emailVerified: true };
          refused(await asked(w, manager, 'POST', '/users', body), 403, 'power_exceeded');
          assert.equal(await w.app.storage.users.findByEmail(email), null);
        }
      }
      assert.deepEqual((await readUser(w, friend.userId)).roles, ['user']);
      refused(
        await asked(w, await member(w, ['admin']), 'PUT', `/users/${friend.userId}/roles`, { roles: ['superadmin'] }),
        403,
        'power_exceeded',
      );
      ok(await asked(w, await member(w, ['admin']), 'PUT', `/users/${friend.userId}/roles`, { roles: ['admin'] }), 200);
    }));

  test('parity 7: names of roles are exact', () =>
    withPower(async (w) => {
      const manager = await holder(w, MANAGER);
      const friend = await member(w);
      for (const role of [
        'Superadmin',
        'SUPERADMIN',
        ' superadmin',
        'superadmin ',
        'super\u200badmin',
        'nobody_knows',
      ]) {
        const answer = await asked(w, manager, 'PUT', `/users/${friend.userId}/roles`, { roles: [role] });
        assert.ok([400, 403, 404].includes(answer.statusCode), answer.body);
      }
      assert.deepEqual((await readUser(w, friend.userId)).roles, ['user']);
    }));

  test('parity 7: a disabled role is no way round: not given, edited, enabled, or deleted by those who hold less', () =>
    withPower(async (w) => {
      const manager = await holder(w, MANAGER);
      const id = await newRole(w, { permissions: ['GET:/api/v1/admin/events'], enabled: false });
      const before = await readRole(w, id);
      for (const body of [
        { enabled: true },
        { permissions: [] },
        { name: 'Mine' },
        { code: 'mine_now' },
        { uiPermissions: {} },
      ]) {
        refused(await asked(w, manager, 'PATCH', `/roles/${id}`, body), 403, 'power_exceeded');
      }
      refused(await asked(w, manager, 'DELETE', `/roles/${id}`), 403, 'power_exceeded');
      const batch = await asked(w, manager, 'POST', '/roles/delete', { ids: [id] });
      assert.match(batch.body, /power_exceeded/);
      assert.deepEqual(await readRole(w, id), before);
    }));

  test('parity 7: a role that a guard names is power, whatever it grants', () =>
    withPower(async (w) => {
      const manager = await holder(w, MANAGER);
      const friend = await member(w);
      for (const code of ['model_manager', 'model_owner']) {
        refused(await asked(w, manager, 'POST', '/roles', { code, name: 'Empty' }), 403, 'power_exceeded');
        refused(
          await asked(w, manager, 'POST', '/roles', { code, name: 'Off', enabled: false }),
          403,
          'power_exceeded',
        );
        const empty = ok<{ id: string }>(
          await asked(w, manager, 'POST', '/roles', { code: 'plain', name: 'Plain' }),
          201,
        );
        refused(await asked(w, manager, 'PATCH', `/roles/${empty.id}`, { code }), 403, 'power_exceeded');
        ok(await asked(w, manager, 'DELETE', `/roles/${empty.id}`), 204);
        const answer = await asked(w, manager, 'PATCH', `/roles/${manager.roleId}`, { code });
        assert.equal(answer.statusCode, 403, answer.body);
      }
      const guarded = await newRole(w, { code: 'model_manager' });
      refused(
        await asked(w, manager, 'PUT', `/users/${friend.userId}/roles`, { roles: [guarded] }),
        403,
        'power_exceeded',
      );
      refused(await asked(w, manager, 'PATCH', `/roles/${guarded}`, { code: 'free_again' }), 403, 'power_exceeded');
      refused(await asked(w, manager, 'DELETE', `/roles/${guarded}`), 403, 'power_exceeded');
      const modeller = await member(w, [guarded]);
      ok(await w.client.send('GET', '/api/v1/models', { token: modeller.token }), 200);
      refused(await w.client.send('GET', '/api/v1/models/all', { token: modeller.token }), 403, 'forbidden');
      refused(await asked(w, manager, 'POST', `/users/${modeller.userId}/deactivate`), 403, 'power_exceeded');
      refused(await w.client.send('GET', '/api/v1/models', { token: manager.token }), 403, 'forbidden');
      await giveRoles(w, manager.userId, [manager.roleId, guarded]);
      ok(await asked(w, manager, 'PUT', `/users/${friend.userId}/roles`, { roles: [guarded] }), 200);
      ok(await asked(w, manager, 'POST', `/users/${modeller.userId}/deactivate`), 200);
    }));
});
