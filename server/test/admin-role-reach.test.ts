import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { admin, holder, readRole, withWorld } from './administration.ts';
import { ok } from './client.ts';
import { giveRoles, type Member, member, newRole, type World } from './matrix/world.ts';
import { refused } from './scenario.ts';

const USER = '00000000-0000-7000-8000-000000000003';
const ROLES = ['*:/api/v1/admin/roles', '*:/api/v1/admin/roles/*'];

/** A rate that shuts out whoever has it: one request in thirty days. */
const SHUT = { max: 1, windowSeconds: 2_592_000 };

/** Every change that takes something from those who have the role. */
const TAKING = [
  { rateLimit: SHUT },
  { fileQuota: { bytes: 0, files: 0 } },
  { enabled: false },
  { uiPermissions: { buttons: [], menus: ['only this'] } },
  { code: 'another_code' },
  { permissions: [] },
];

const patch = (w: World, who: Pick<Member, 'token'>, id: string, body: object) =>
  admin(w, 'PATCH', `/roles/${id}`, body, who.token);

describe('a change of a role acts on everybody who has it', () => {
  test('nobody shuts out the people of a built-in role, of whom some hold more', () =>
    withWorld(async (w) => {
      const editor = await holder(w, ['PATCH:/api/v1/admin/roles/{id}']);
      const before = await readRole(w, USER);
      for (const body of TAKING.slice(0, 3)) refused(await patch(w, editor, USER, body), 403, 'power_exceeded');
      assert.deepEqual(await readRole(w, USER), before);
      for (let n = 0; n < 3; n++) ok(await w.client.send('GET', '/users/me', { token: w.root }), 200);
    }));

  for (const [kind, heavier] of [
    ['an administrator', ['admin']],
    ['a superadmin', ['superadmin']],
    ['somebody with one permission more', null],
  ] as const) {
    test(`${kind} among the members protects them all, also while disabled or deleted`, () =>
      withWorld(async (w) => {
        const editor = await holder(w, [...ROLES, 'GET:/api/v1/admin/users']);
        const role = await newRole(w, { permissions: ['GET:/api/v1/admin/users'] });
        await member(w, [role]);
        const own = heavier ?? [await newRole(w, { permissions: ['GET:/api/v1/admin/events'], enabled: false })];
        const boss = await member(w, [role, ...own]);
        const tryAll = async () => {
          const before = await readRole(w, role);
          for (const body of TAKING) refused(await patch(w, editor, role, body), 403, 'power_exceeded');
          refused(await admin(w, 'DELETE', `/roles/${role}`, undefined, editor.token), 403, 'power_exceeded');
          const batch = await admin(w, 'POST', '/roles/delete', { ids: [role] }, editor.token);
          assert.deepEqual(batch.json().results, [{ id: role, ok: false, code: 'power_exceeded' }]);
          assert.deepEqual(await readRole(w, role), before);
        };
        await tryAll();
        if (heavier?.[0] !== 'superadmin') {
          ok(await admin(w, 'POST', `/users/${boss.userId}/deactivate`), 200);
          await tryAll();
          ok(await admin(w, 'DELETE', `/users/${boss.userId}`), 204);
          await tryAll();
          ok(await admin(w, 'DELETE', `/users/${boss.userId}?erase=true`), 204);
        } else await giveRoles(w, boss.userId, ['user']);
        for (const body of TAKING) ok(await patch(w, editor, role, body), 200);
      }));
  }

  test('what takes nothing is free: a name, a description, more permissions, the same values again', () =>
    withWorld(async (w) => {
      const editor = await holder(w, [...ROLES, 'GET:/api/v1/admin/users', 'GET:/api/v1/admin/users/{id}']);
      const role = await newRole(w, { permissions: ['GET:/api/v1/admin/users'] });
      await member(w, [role, 'admin']);
      const { code, enabled, uiPermissions, rateLimit, permissions } = await readRole(w, role);
      for (const body of [
        { name: 'Another name', description: 'Reads users.' },
        { code, enabled, uiPermissions, rateLimit, permissions, name: 'A whole role, sent back' },
        { permissions: [...permissions, 'GET:/api/v1/admin/users/{id}'] },
      ]) {
        ok(await patch(w, editor, role, body), 200);
      }
    }));

  test('equals among the members, and superadmins as editors, are no obstacle', () =>
    withWorld(async (w) => {
      const editor = await holder(w, ROLES);
      const role = await newRole(w, {});
      await member(w, [role, editor.roleId]);
      await member(w, [role, 'user']);
      for (const body of TAKING) ok(await patch(w, editor, role, body), 200);
      await member(w, [role, 'admin']);
      refused(await patch(w, editor, role, { enabled: true }), 403, 'power_exceeded');
      ok(await admin(w, 'PATCH', `/roles/${role}`, { enabled: true }), 200);
      ok(await admin(w, 'PATCH', `/roles/${USER}`, { rateLimit: { max: 3000, windowSeconds: 60 } }), 200);
    }));
});
