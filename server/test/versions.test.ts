import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MINUTE } from '../src/platform/clock.ts';
import { follow, jobs, make, type Schedule } from './admin-schedule-verbs.ts';
import { withWorld } from './administration.ts';
import { ok } from './client.ts';
import { member, type World } from './matrix/world.ts';
import { atOnce, refused, tally } from './scenario.ts';

interface Versioned {
  version: number;
  [field: string]: unknown;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** Asks with the ETag of what was read; `tag`: another field, or none. */
const send = (w: World, method: Method, path: string, body?: object, tag?: string, token: string = w.root) =>
  w.client.send(method, path, {
    token,
    ...(body && { body }),
    ...(tag !== undefined && { headers: { 'if-match': tag } }),
  });

async function tagOf(w: World, path: string, token: string = w.root): Promise<string> {
  const answer = await send(w, 'GET', path, undefined, undefined, token);
  const { version } = ok<Versioned>(answer, 200);
  assert.equal(answer.headers.etag, `"${version}"`);
  return String(answer.headers.etag);
}

const RECORDS: [string, (w: World) => Promise<{ path: string; token?: string }>, (i: number) => object][] = [
  [
    'a role',
    async (w) => {
      const body = { code: 'editor', name: 'Editor' };
      return { path: `/admin/roles/${ok<{ id: string }>(await send(w, 'POST', '/admin/roles', body), 201).id}` };
    },
    (i) => ({ description: `by ${i}` }),
  ],
  [
    'a user',
    async (w) => ({ path: `/admin/users/${(await member(w, [])).userId}` }),
    (i) => ({ fullName: `Ann ${i}` }),
  ],
  ['a schedule', async (w) => ({ path: `/admin/schedules/${(await make(w)).id}` }), (i) => ({ name: `Name ${i}` })],
  [
    'one’s own account',
    async (w) => ({ path: '/users/me', token: (await member(w, [])).token }),
    (i) => ({ fullName: `Me ${i}` }),
  ],
];

describe('a change by If-Match', () => {
  for (const [name, create, patchOf] of RECORDS) {
    test(`${name}: of two who have read the same, the second is told, and nothing is lost`, () =>
      withWorld(
        async (w) => {
          const { path, token = w.root } = await create(w);
          const tag = await tagOf(w, path, token);
          const first = await send(w, 'PATCH', path, patchOf(1), tag, token);
          const changed = ok<Versioned>(first, 200);
          assert.equal(first.headers.etag, `"${changed.version}"`);
          refused(await send(w, 'PATCH', path, patchOf(2), tag, token), 412, 'version_conflict');
          const present = ok<Versioned>(await send(w, 'GET', path, undefined, undefined, token), 200);
          assert.deepEqual(present, changed);
          ok(await send(w, 'PATCH', path, patchOf(2), await tagOf(w, path, token), token), 200);
          ok(await send(w, 'PATCH', path, patchOf(3), '*', token), 200);
          ok(await send(w, 'PATCH', path, patchOf(4), undefined, token), 200);
          // As proxies that compress write it.
          ok(await send(w, 'PATCH', path, patchOf(5), `W/${await tagOf(w, path, token)}`, token), 200);
        },
        { jobs },
      ));

    test(`${name}: of twenty at once with one tag, one writes`, () =>
      withWorld(
        async (w) => {
          const { path, token = w.root } = await create(w);
          const tag = await tagOf(w, path, token);
          const answers = await atOnce(20, (i) => send(w, 'PATCH', path, patchOf(i), tag, token));
          assert.deepEqual(tally(answers), { '200': 1, '412 version_conflict': 19 });
        },
        { jobs },
      ));
  }

  test('deleting, and giving roles, heed it too', () =>
    withWorld(
      async (w) => {
        const { userId } = await member(w, []);
        const user = `/admin/users/${userId}`;
        const stale = await tagOf(w, user);
        ok(await send(w, 'PATCH', user, { fullName: 'Ann' }), 200);
        refused(await send(w, 'PUT', `${user}/roles`, { roles: ['guest'] }, stale), 412, 'version_conflict');
        refused(await send(w, 'DELETE', user, undefined, stale), 412, 'version_conflict');
        ok(await send(w, 'PUT', `${user}/roles`, { roles: ['guest'] }, await tagOf(w, user)), 200);
        ok(await send(w, 'DELETE', user, undefined, await tagOf(w, user)), 204);
        for (const path of [
          `/admin/roles/${ok<{ id: string }>(await send(w, 'POST', '/admin/roles', { code: 'x-y', name: 'X' }), 201).id}`,
          `/admin/schedules/${(await make(w)).id}`,
        ]) {
          refused(await send(w, 'DELETE', path, undefined, '"99"'), 412, 'version_conflict');
          ok(await send(w, 'DELETE', path, undefined, await tagOf(w, path)), 204);
        }
      },
      { jobs },
    ));

  test('actions on a user heed it too', () =>
    withWorld(
      async (w) => {
        const user = `/admin/users/${(await member(w, [])).userId}`;
        const act = (action: string, tag: string) =>
          action === 'temporary-password'
            ? send(w, 'POST', `${user}/${action}`, { temporaryPassword: 'a password for one day' }, tag)
            : send(w, 'POST', `${user}/${action}`, undefined, tag);
        for (const action of ['deactivate', 'activate', 'unlock', 'temporary-password', 'restore']) {
          if (action === 'restore') ok(await send(w, 'DELETE', user), 204);
          const stale = `"${Number((await tagOf(w, user)).slice(1, -1)) - 1}"`;
          const before = ok<Versioned>(await send(w, 'GET', user), 200);
          refused(await act(action, stale), 412, 'version_conflict');
          assert.deepEqual(ok<Versioned>(await send(w, 'GET', user), 200), before);
          ok(await act(action, await tagOf(w, user)), action === 'temporary-password' ? 204 : 200);
        }
      },
      { jobs },
    ));

  test('a sign-in of the user, and a tick of the schedule, are no conflicts', () =>
    withWorld(
      async (w) => {
        const person = await member(w, []);
        const user = `/admin/users/${person.userId}`;
        const schedule = `/admin/schedules/${(await make(w)).id}`;
        const [ofUser, ofSchedule] = [await tagOf(w, user), await tagOf(w, schedule)];
        await w.client.login(person);
        for (let i = 0; i < 3; i++) {
          w.time.forward(MINUTE);
          await follow(w);
        }
        const ran = ok<Schedule>(await send(w, 'GET', schedule), 200);
        assert.notEqual(ran.lastRunAt, null);
        ok(await send(w, 'POST', `${schedule}/run`), 202);
        ok(await send(w, 'PATCH', user, { fullName: 'Ann' }, ofUser), 200);
        ok(await send(w, 'PATCH', schedule, { enabled: false }, ofSchedule), 200);
      },
      { jobs },
    ));

  test('whoever may not change a record is not told whether it has changed', () =>
    withWorld(async (w) => {
      const { token } = await member(w, []);
      const { userId } = await member(w, []);
      refused(await send(w, 'PATCH', `/admin/users/${userId}`, { fullName: 'X' }, '"99"', token), 403, 'forbidden');
    }));

  test('lists carry versions, and a page of another origin may send and read them', () =>
    withWorld(
      async (w) => {
        const { items } = ok<{ items: Versioned[] }>(await send(w, 'GET', '/admin/roles'), 200);
        assert.ok(items.every(({ version }) => Number.isInteger(version)));
        const origin = 'https://app.example.com';
        const asked = await w.app.http.inject({
          method: 'OPTIONS',
          url: '/api/v1/users/me',
          headers: { origin, 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'if-match' },
        });
        assert.match(String(asked.headers['access-control-allow-headers']), /\bIf-Match\b/);
        const answer = await w.client.send('GET', '/users/me', { token: w.root, headers: { origin } });
        assert.match(String(answer.headers['access-control-expose-headers']), /\bETag\b/);
      },
      { env: { CORS_ORIGINS: 'https://app.example.com' } },
    ));
});
