import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AdminUser, admin, holder, withWorld } from './administration.ts';
import { ok } from './client.ts';
import { newRole } from './matrix/world.ts';
import { refused, somebody } from './scenario.ts';

const USERS = '/api/v1/admin/users';
const CREATE = `POST:${USERS}`;
const PARTS: Record<string, { permission: string; body: object }> = {
  'a role': { permission: `PUT:${USERS}/{id}/roles`, body: { roles: ['guest'] } },
  'no role at all': { permission: `PUT:${USERS}/{id}/roles`, body: { roles: [] } },
  'one role more than usual': { permission: `PUT:${USERS}/{id}/roles`, body: { roles: ['user', 'guest'] } },
  'a temporary password': {
    permission: `POST:${USERS}/{id}/temporary-password`,
    body: { temporaryPassword: 'a password for one day' },
  },
  'a verified address': { permission: `PATCH:${USERS}/{id}`, body: { emailVerified: true } },
};

describe('creating a user asks for each permission that its parts would ask for', () => {
  for (const [name, { permission, body }] of Object.entries(PARTS)) {
    test(name, () =>
      withWorld(async (w) => {
        const plain = await holder(w, [CREATE]);
        const able = await holder(w, [CREATE, permission]);
        const { email } = somebody();
        refused(await admin(w, 'POST', '/users', { email, ...body }, plain.token), 403, 'forbidden');
        assert.equal(await w.app.storage.users.findByEmail(email), null);
        ok(await admin(w, 'POST', '/users', { email, ...body }, able.token), 201);
      }),
    );
  }

  test('all of them together: one that is missing refuses', () =>
    withWorld(async (w) => {
      const permissions = [...new Set(Object.values(PARTS).map(({ permission }) => permission))];
      const role = await newRole(w, {});
      const body = () => ({
        email: somebody().email,
        roles: ['user', role],
        temporaryPassword: 'a password for one day',
        emailVerified: true,
      });
      for (const missing of permissions) {
        const who = await holder(w, [CREATE, ...permissions.filter((permission) => permission !== missing)]);
        refused(await admin(w, 'POST', '/users', body(), who.token), 403, 'forbidden');
      }
      const who = await holder(w, [CREATE, ...permissions]);
      ok(await admin(w, 'POST', '/users', body(), who.token), 201);
    }));

  test('an invitation with the usual role needs nothing more, also if the form names it', () =>
    withWorld(async (w) => {
      const who = await holder(w, [CREATE]);
      for (const more of [{}, { roles: ['user'] }, { emailVerified: false }]) {
        const { email } = somebody();
        const made = await admin(w, 'POST', '/users', { email, fullName: 'Ann Lee', ...more }, who.token);
        assert.deepEqual(ok<AdminUser>(made, 201).roles, ['user']);
      }
    }));

  test('deleting several roles asks for the permission to delete one', () =>
    withWorld(async (w) => {
      const id = await newRole(w, {});
      const several = 'POST:/api/v1/admin/roles/delete';
      const plain = await holder(w, [several]);
      refused(await admin(w, 'POST', '/roles/delete', { ids: [id] }, plain.token), 403, 'forbidden');
      const able = await holder(w, [several, 'DELETE:/api/v1/admin/roles/{id}']);
      const { results } = ok<{ results: unknown }>(
        await admin(w, 'POST', '/roles/delete', { ids: [id] }, able.token),
        200,
      );
      assert.deepEqual(results, [{ id, ok: true, code: null }]);
    }));
});
