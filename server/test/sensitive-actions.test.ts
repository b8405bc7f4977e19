import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MINUTE } from '../src/platform/clock.ts';
import { admin, readRole, readUser, withWorld } from './administration.ts';
import { ok } from './client.ts';
import { type AccessTable, PRODUCT, permissionCodes, split } from './matrix/access-table.ts';
import { MATRICES } from './matrix/module-matrices.ts';
import { makeThing, pathTo, type Thing } from './matrix/objects.ts';
import { freshRoot, member, type World } from './matrix/world.ts';
import { refused, somebody } from './scenario.ts';

interface Action {
  /** Fields of the user beforehand. */
  given?: object;
  body?: (thing: Thing) => object;
  query?: string;
}

const one = ({ parameters: { id } }: Thing) => [id];
const PASSWORD = { temporaryPassword: 'a password for one day' };

/** What gives power, a credential or an address, or cannot be undone: a stolen token alone must not do it. By the code of its route. */
const SENSITIVE: Record<string, Action[]> = {
  'POST:/api/v1/admin/users': [
    { body: () => ({ email: somebody().email }) },
    { body: () => ({ email: somebody().email, roles: ['superadmin'], ...PASSWORD, emailVerified: true }) },
  ],
  'PUT:/api/v1/admin/users/{id}/roles': [
    { body: () => ({ roles: ['superadmin'] }) },
    { body: () => ({ roles: ['user', 'admin'] }) },
    { body: () => ({ roles: [] }) },
  ],
  'PATCH:/api/v1/admin/users/{id}': [
    { body: () => ({ email: somebody().email }) },
    { body: () => ({ email: somebody().email, emailVerified: true, fullName: 'Ann Lee' }) },
    { given: { emailVerified: false }, body: () => ({ emailVerified: true }) },
  ],
  'POST:/api/v1/admin/users/{id}/temporary-password': [{ body: () => PASSWORD }],
  'POST:/api/v1/admin/users/{id}/password-reset': [{}],
  'POST:/api/v1/admin/users/{id}/activate': [{}],
  'POST:/api/v1/admin/users/{id}/restore': [{}],
  'POST:/api/v1/admin/users/bulk': (['activate', 'password-reset', 'restore'] as const).map((action) => ({
    body: (thing) => ({ action, ids: one(thing) }),
  })),
  'DELETE:/api/v1/admin/users/{id}': [{ query: '?erase=true' }],
  'POST:/api/v1/admin/roles': [
    { body: () => ({ code: 'twin', name: 'Twin', permissions: ['*'] }) },
    { body: () => ({ code: 'empty', name: 'Empty' }) },
  ],
  'PATCH:/api/v1/admin/roles/{id}': [{ body: () => ({ permissions: ['*'] }) }, { body: () => ({ enabled: false }) }],
  'POST:/api/v1/admin/keys/rotate': [{ body: () => ({ use: 'sig' }) }],
  'POST:/api/v1/admin/keys/{id}/revoke': [{}],
};

/** Routes that change something and give nobody anything: they take away, delay, or run what there is. */
const HARMLESS = [
  'DELETE:/api/v1/admin/roles/{id}',
  'POST:/api/v1/admin/roles/delete',
  'POST:/api/v1/admin/users/{id}/deactivate',
  'POST:/api/v1/admin/users/{id}/unlock',
  'DELETE:/api/v1/admin/users/{id}/pending-email',
  'DELETE:/api/v1/admin/users/{id}/sessions',
  'DELETE:/api/v1/admin/users/{id}/sessions/{sessionId}',
  'DELETE:/api/v1/admin/jobs/{id}',
  'POST:/api/v1/admin/jobs/{id}/retry',
  'POST:/api/v1/admin/jobs/{id}/cancel',
  'POST:/api/v1/admin/queues/{name}/pause',
  'POST:/api/v1/admin/queues/{name}/resume',
  'POST:/api/v1/admin/schedules',
  'POST:/api/v1/admin/schedules/preview',
  'PATCH:/api/v1/admin/schedules/{id}',
  'DELETE:/api/v1/admin/schedules/{id}',
  'POST:/api/v1/admin/schedules/{id}/run',
];

const USER = '/api/v1/admin/users/{id}';

/** Asks as the superadmin does, with the token as it is. */
async function ask(w: World, code: string, { given, body, query = '' }: Action, token: string) {
  const { method, path } = split(code);
  const thing = await makeThing(w, path.includes('{') ? path : USER);
  if (given) ok(await admin(w, 'PATCH', `/users/${thing.parameters.id}`, given), 200);
  const before = await thing.record();
  const payload = body?.(thing);
  const answer = await w.app.http.inject({
    method,
    url: pathTo(path, thing) + query,
    headers: { authorization: `Bearer ${token}` },
    ...(payload && { payload }),
  });
  return { answer, thing, before };
}

describe('sensitive actions', () => {
  test('every route of administrators that changes something is in one of the two lists, or its module says which', () => {
    const changing = permissionCodes(PRODUCT).filter((code) => !code.startsWith('GET:'));
    const own = Object.assign({}, ...MATRICES.map(({ rules }) => rules)) as AccessTable;
    const listed = changing.filter((code) => !Object.hasOwn(own, code));
    assert.deepEqual([...Object.keys(SENSITIVE), ...HARMLESS].sort(), listed.sort());
    const silent = changing.filter((code) => Object.hasOwn(own, code) && own[code]?.fresh === undefined);
    assert.deepEqual(silent, [], 'the .matrix.ts of a module says `fresh`, true or false, of each');
  });

  for (const [code, actions] of Object.entries(SENSITIVE)) {
    test(`${code} asks for a fresh proof, and does nothing without one`, () =>
      withWorld(async (w) => {
        await makeThing(w, USER);
        const { token } = await member(w, ['superadmin']);
        w.time.forward(11 * MINUTE);
        await freshRoot(w);
        for (const action of actions) {
          const { answer, thing, before } = await ask(w, code, action, token);
          refused(answer, 401, 'reauth_required');
          assert.deepEqual(await thing.record(), before);
          const now = await ask(w, code, action, await freshRoot(w));
          assert.notEqual(now.answer.statusCode, 401, now.answer.body);
          assert.notEqual(now.answer.statusCode, 403, now.answer.body);
        }
      }));
  }

  test('a token whose proof is 33 minutes old reads, renames and takes away as before', () =>
    withWorld(async (w) => {
      const boss = await member(w, ['superadmin']);
      const [person, other] = [await member(w), await member(w)];
      w.time.forward(11 * MINUTE);
      const send = (method: 'GET' | 'PATCH' | 'POST' | 'DELETE', path: string, body?: object) =>
        w.client.send(method, `/admin${path}`, { token: boss.token, ...(body && { body }) });
      ok(await send('GET', `/users/${person.userId}`), 200);
      // A form that is sent back whole moves no address.
      const { email, emailVerified } = await readUser(w, person.userId);
      ok(await send('PATCH', `/users/${person.userId}`, { fullName: 'Ann Lee', email, emailVerified }), 200);
      ok(await send('PATCH', `/users/${person.userId}`, { emailVerified: false }), 200);
      ok(await send('POST', `/users/${person.userId}/deactivate`), 200);
      ok(await send('POST', '/users/bulk', { action: 'deactivate', ids: [other.userId] }), 200);
      ok(await send('DELETE', `/users/${person.userId}`), 204);
    }));

  test('the password, proved again in the same session, opens them for ten minutes', () =>
    withWorld(async (w) => {
      const boss = await member(w, ['superadmin']);
      const { userId } = await member(w);
      w.time.forward(11 * MINUTE);
      const give = (token: string) =>
        w.client.send('PUT', `/admin/users/${userId}/roles`, { token, body: { roles: ['admin'] } });
      refused(await give(boss.token), 401, 'reauth_required');
      const body = { password: boss.password };
      const proved = await w.client.send('POST', '/auth/reauthenticate', { token: boss.token, body });
      const { accessToken } = ok<{ accessToken: string }>(proved, 200);
      ok(await give(accessToken), 200);
      w.time.forward(10 * MINUTE + 1);
      refused(await give(accessToken), 401, 'reauth_required');
    }));

  test('who may not do it at all is not asked to prove themselves', () =>
    withWorld(async (w) => {
      const { token, userId } = await member(w);
      w.time.forward(11 * MINUTE);
      const body = { roles: ['admin'] };
      refused(await w.client.send('PUT', `/admin/users/${userId}/roles`, { token, body }), 403, 'forbidden');
      const bulk = { action: 'restore', ids: [userId] };
      refused(await w.client.send('POST', '/admin/users/bulk', { token, body: bulk }), 403, 'forbidden');
      assert.equal((await readRole(w, '00000000-0000-7000-8000-000000000003')).enabled, true);
    }));
});
