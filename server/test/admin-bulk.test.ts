import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { admin, holder, idOf, readUser, withWorld } from './administration.ts';
import { ok } from './client.ts';
import { member } from './matrix/world.ts';
import { refused } from './scenario.ts';

describe('POST /admin/users/bulk', () => {
  test('a result for each id, in order; each as the single action would have been', () =>
    withWorld(async (w) => {
      const [one, two] = [await member(w), await member(w)];
      const root = await idOf(w);
      const ids = [two.userId, 'nobody', root, one.userId];
      const { results } = ok<{ results: object[] }>(
        await admin(w, 'POST', '/users/bulk', { action: 'deactivate', ids }),
        200,
      );
      assert.deepEqual(results, [
        { id: two.userId, ok: true, code: null },
        { id: 'nobody', ok: false, code: 'user_not_found' },
        { id: root, ok: false, code: 'self_protected' },
        { id: one.userId, ok: true, code: null },
      ]);
      for (const { token } of [one, two])
        refused(await w.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
      for (const [action, status] of [
        ['activate', 'active'],
        ['delete', 'deleted'],
        ['restore', 'active'],
        ['unlock', 'active'],
        ['password-reset', 'active'],
      ] as const) {
        const both = { action, ids: [one.userId, two.userId] };
        const answer = ok<{ results: { ok: boolean }[] }>(await admin(w, 'POST', '/users/bulk', both), 200);
        assert.ok(
          answer.results.every((result) => result.ok),
          `${action}: ${JSON.stringify(answer)}`,
        );
        for (const { userId } of [one, two]) assert.equal((await readUser(w, userId)).status, status, action);
      }
      for (const { email } of [one, two]) assert.match((await w.mailsTo(email))[0]?.text ?? '', /#token=/);
    }));

  test('asks for the permission of the single action as well; refuses 101 ids, none, and doubles', () =>
    withWorld(async (w) => {
      const target = await member(w);
      const BULK = 'POST:/api/v1/admin/users/bulk';
      const codes: Record<string, string> = { delete: 'DELETE:/api/v1/admin/users/{id}' };
      for (const action of ['activate', 'deactivate', 'unlock', 'password-reset', 'delete', 'restore']) {
        const code = codes[action] ?? `POST:/api/v1/admin/users/{id}/${action}`;
        const body = { action, ids: [target.userId] };
        const [only, both] = [await holder(w, [BULK]), await holder(w, [BULK, code])];
        refused(await admin(w, 'POST', '/users/bulk', body, only.token), 403, 'forbidden');
        ok(await admin(w, 'POST', '/users/bulk', body, both.token), 200);
      }
      const many = Array.from({ length: 101 }, (_, index) => `id${index}`);
      for (const ids of [many, [], ['a', 'a'], 'a']) {
        refused(await admin(w, 'POST', '/users/bulk', { action: 'activate', ids }), 400, 'validation_failed');
      }
      for (const action of ['erase', 'temporary-password', 'roles']) {
        refused(await admin(w, 'POST', '/users/bulk', { action, ids: ['a'] }), 400, 'validation_failed');
      }
    }));
});
