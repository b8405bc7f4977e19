import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { admin, holder, idOf, membersOf, readUser, withWorld } from './administration.ts';
import { ok } from './client.ts';
import { type Member, member, newRole, type World } from './matrix/world.ts';
import { refused, somebody } from './scenario.ts';

const MANAGER = [
  '*:/api/v1/admin/users',
  '*:/api/v1/admin/users/*',
  '*:/api/v1/admin/roles',
  '*:/api/v1/admin/roles/*',
];

type Act = [method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', tail: string, body?: object];

/** Every way to act on somebody. */
const ACTS: Act[] = [
  ['PATCH', '', { fullName: 'Somebody Else' }],
  ['PATCH', '', { username: 'somebody-else' }],
  ['PATCH', '', { email: 'attacker@example.org' }],
  ['PATCH', '', { email: 'attacker@example.org', emailVerified: true }],
  ['PATCH', '', { emailVerified: false }],
  ['DELETE', ''],
  ['DELETE', '?erase=false'],
  ['DELETE', '?erase=true'],
  ['POST', '/restore'],
  ['POST', '/activate'],
  ['POST', '/deactivate'],
  ['POST', '/unlock'],
  ['POST', '/password-reset'],
  ['POST', '/temporary-password', { temporaryPassword: 'chosen by the attacker' }],
  ['PUT', '/roles', { roles: [] }],
  ['PUT', '/roles', { roles: ['user'] }],
  ['DELETE', '/sessions'],
];
const BULK = ['activate', 'deactivate', 'unlock', 'password-reset', 'delete', 'restore'] as const;

const act = (w: World, who: Member, target: string, [method, tail, body]: Act) =>
  admin(w, method, `/users/${target}${tail}`, body, who.token);

async function assertOutOfReach(w: World, who: Member, target: Member): Promise<void> {
  const before = await w.app.storage.users.find(target.userId);
  const acts: Act[] = [...ACTS, ['DELETE', `/sessions/${target.sessionId}`]];
  for (const one of acts) {
    const answer = await act(w, who, target.userId, one);
    assert.equal(answer.statusCode, 403, `${one[0]} ${one[1]}: ${answer.statusCode} ${answer.body}`);
    refused(answer, 403, 'power_exceeded');
  }
  for (const action of BULK) {
    const answer = await admin(w, 'POST', '/users/bulk', { action, ids: [target.userId] }, who.token);
    const { results } = ok<{ results: unknown }>(answer, 200);
    assert.deepEqual(results, [{ id: target.userId, ok: false, code: 'power_exceeded' }], action);
  }
  assert.deepEqual(await w.app.storage.users.find(target.userId), before);
  ok(await w.client.send('GET', '/users/me', { token: target.token }), 200);
  assert.equal((await w.mailsTo(target.email)).length, 0, 'nobody was written to');
}

describe('acting on people', () => {
  test('parity 7: nobody acts on somebody who holds more', () =>
    withWorld(async (w) => {
      const manager = await holder(w, MANAGER);
      const off = await newRole(w, { permissions: ['*'], enabled: false });
      for (const roles of [['superadmin'], ['admin'], [off]])
        await assertOutOfReach(w, manager, await member(w, roles));
      const narrow = await holder(w, ['GET:/api/v1/admin/events']);
      await assertOutOfReach(w, manager, narrow);
      await assertOutOfReach(w, await member(w, ['admin']), await member(w, ['superadmin']));
    }));

  test('parity 7: a deleted or disabled account keeps its weight', () =>
    withWorld(async (w) => {
      const manager = await holder(w, MANAGER);
      const [disabled, deleted] = [await member(w, ['admin']), await member(w, ['admin'])];
      ok(await admin(w, 'POST', `/users/${disabled.userId}/deactivate`), 200);
      ok(await admin(w, 'DELETE', `/users/${deleted.userId}`), 204);
      refused(await act(w, manager, disabled.userId, ['POST', '/activate']), 403, 'power_exceeded');
      refused(await act(w, manager, deleted.userId, ['POST', '/restore']), 403, 'power_exceeded');
      refused(await act(w, manager, deleted.userId, ['DELETE', '?erase=true']), 403, 'power_exceeded');
      const chosen = { temporaryPassword: 'chosen by the attacker' };
      refused(await act(w, manager, disabled.userId, ['POST', '/temporary-password', chosen]), 403, 'power_exceeded');
    }));

  test('parity 7: an invited administrator is out of reach before they come', () =>
    withWorld(async (w) => {
      const manager = await holder(w, MANAGER);
      const { email } = somebody();
      const { id } = ok<{ id: string }>(await admin(w, 'POST', '/users', { email, roles: ['admin'] }), 201);
      for (const one of ACTS) refused(await act(w, manager, id, one), 403, 'power_exceeded');
      assert.equal((await readUser(w, id)).email, email);
    }));

  test('equals and weaker people can be acted on', () =>
    withWorld(async (w) => {
      const manager = await holder(w, MANAGER);
      const equal = await member(w, [manager.roleId]);
      for (const target of [equal.userId, (await member(w)).userId, (await member(w, [])).userId]) {
        const works: [Act, number][] = [
          [['PATCH', '', { fullName: 'Some One' }], 200],
          [['POST', '/password-reset'], 202],
          [['DELETE', '/sessions'], 204],
          [['POST', '/temporary-password', { temporaryPassword: 'a password for one day' }], 204],
          [['POST', '/deactivate'], 200],
          [['POST', '/activate'], 200],
          [['PUT', '/roles', { roles: ['user'] }], 200],
          [['DELETE', ''], 204],
          [['POST', '/restore'], 200],
          [['DELETE', '?erase=true'], 204],
        ];
        for (const [one, status] of works) {
          const answer = await act(w, manager, target, one);
          assert.equal(answer.statusCode, status, `${one[0]} ${one[1]}: ${answer.body}`);
        }
      }
    }));
});

describe('acting on oneself', () => {
  const SELF: Act[] = [
    ['DELETE', ''],
    ['DELETE', '?erase=true'],
    ['POST', '/deactivate'],
    ['POST', '/temporary-password', { temporaryPassword: 'a password for one day' }],
    ['PUT', '/roles', { roles: ['user'] }],
    ['PATCH', '', { email: 'mine@example.org' }],
    ['PATCH', '', { email: 'mine@example.org', emailVerified: true }],
  ];

  test('parity 7: nobody deletes, disables, or demotes themselves, or moves their own address unproved', () =>
    withWorld(async (w) => {
      const root = await idOf(w);
      for (const who of [await holder(w, MANAGER), await member(w, ['admin'])]) {
        const before = await w.app.storage.users.find(who.userId);
        for (const one of SELF) refused(await act(w, who, who.userId, one), 403, 'self_protected');
        for (const action of ['deactivate', 'delete']) {
          const answer = await admin(w, 'POST', '/users/bulk', { action, ids: [who.userId] }, who.token);
          assert.deepEqual(answer.json().results, [{ id: who.userId, ok: false, code: 'self_protected' }]);
        }
        assert.deepEqual(await w.app.storage.users.find(who.userId), before);
      }
      for (const [method, tail, body] of SELF) {
        const answer = await admin(w, method, `/users/${root}${tail}`, body);
        refused(answer, 403, 'self_protected');
      }
    }));

  test('parity 7: nobody takes power from themselves by their role, nor adds to it', () =>
    withWorld(async (w) => {
      const manager = await holder(w, MANAGER);
      const path = `/roles/${manager.roleId}`;
      for (const body of [{ permissions: MANAGER.slice(1) }, { permissions: [] }, { enabled: false }]) {
        refused(await admin(w, 'PATCH', path, body, manager.token), 403, 'self_protected');
      }
      refused(await admin(w, 'PATCH', path, { permissions: ['*'] }, manager.token), 403, 'power_exceeded');
      refused(await admin(w, 'DELETE', path, undefined, manager.token), 403, 'self_protected');
      const batch = await admin(w, 'POST', '/roles/delete', { ids: [manager.roleId] }, manager.token);
      assert.match(batch.body, /self_protected/);
      ok(await admin(w, 'PATCH', path, { name: 'Another name' }, manager.token), 200);
      ok(await admin(w, 'GET', '/users', undefined, manager.token), 200);
    }));
});

describe('superadmins', () => {
  test('parity 7: the last one stays, whatever is tried', () =>
    withWorld(async (w) => {
      const root = await idOf(w);
      const own = await w.client.send('DELETE', '/users/me', { token: w.root });
      assert.equal(own.statusCode, 409, own.body);
      assert.ok(['last_superadmin', 'superadmin_protected'].includes(own.json().code), own.body);
      const powerful = await member(w, ['admin']);
      for (const one of ACTS) refused(await act(w, powerful, root, one), 403, 'power_exceeded');
      assert.deepEqual(await membersOf(w, 'superadmin'), [root]);
      ok(await w.client.send('GET', '/users/me', { token: w.root }), 200);
    }));

  test('parity 7: one is demoted before they are disabled, deleted, or erased, also by themselves', () =>
    withWorld(async (w) => {
      const other = await member(w, ['superadmin']);
      for (const one of [
        ['POST', '/deactivate'],
        ['DELETE', ''],
        ['DELETE', '?erase=true'],
      ] as Act[]) {
        const answer = await admin(w, one[0], `/users/${other.userId}${one[1]}`);
        refused(answer, 409, 'superadmin_protected');
      }
      for (const action of ['deactivate', 'delete']) {
        const answer = await admin(w, 'POST', '/users/bulk', { action, ids: [other.userId] });
        assert.deepEqual(answer.json().results, [{ id: other.userId, ok: false, code: 'superadmin_protected' }]);
      }
      refused(await w.client.send('DELETE', '/users/me', { token: other.token }), 409, 'superadmin_protected');
      assert.equal((await membersOf(w, 'superadmin')).length, 2);
      ok(await admin(w, 'PUT', `/users/${other.userId}/roles`, { roles: ['user'] }), 200);
      refused(await admin(w, 'GET', '/users', undefined, other.token), 403, 'forbidden');
      assert.deepEqual((await readUser(w, other.userId)).roles, ['user']);
      ok(await admin(w, 'DELETE', `/users/${other.userId}`), 204);
    }));

  test('parity 7: none who is disabled, deleted, or unknown can be made one', () =>
    withWorld(async (w) => {
      const [disabled, deleted] = [await member(w), await member(w)];
      ok(await admin(w, 'POST', `/users/${disabled.userId}/deactivate`), 200);
      ok(await admin(w, 'DELETE', `/users/${deleted.userId}`), 204);
      for (const id of [disabled.userId, deleted.userId]) {
        refused(await admin(w, 'PUT', `/users/${id}/roles`, { roles: ['superadmin'] }), 409, 'status_conflict');
      }
      const nobody = '00000000-0000-7000-8000-0000000000ff';
      refused(await admin(w, 'PUT', `/users/${nobody}/roles`, { roles: ['superadmin'] }), 404, 'user_not_found');
      assert.equal((await membersOf(w, 'superadmin')).length, 1);
    }));

  test('parity 7: the built-in roles stay what they are', () =>
    withWorld(async (w) => {
      const id = (digit: number) => `00000000-0000-7000-8000-00000000000${digit}`;
      for (const body of [{ permissions: [] }, { enabled: false }, { name: 'Weak' }, { code: 'other' }]) {
        refused(await admin(w, 'PATCH', `/roles/${id(1)}`, body), 409, 'role_built_in');
      }
      for (const digit of [1, 2, 3, 4]) {
        refused(await admin(w, 'PATCH', `/roles/${id(digit)}`, { code: 'other' }), 409, 'role_built_in');
        refused(await admin(w, 'DELETE', `/roles/${id(digit)}`), 409, 'role_built_in');
        assert.match((await admin(w, 'POST', '/roles/delete', { ids: [id(digit)] })).body, /role_built_in/);
      }
      const mine = await newRole(w, {});
      refused(await admin(w, 'POST', '/roles', { code: 'superadmin', name: 'Again' }), 409, 'role_code_taken');
      refused(await admin(w, 'PATCH', `/roles/${mine}`, { code: 'superadmin' }), 409, 'role_code_taken');
    }));
});
