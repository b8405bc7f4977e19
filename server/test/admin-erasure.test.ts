import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEvents } from '../src/modules/events/events.ts';
import { MINUTE } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { newId } from '../src/platform/ids.ts';
import { type AdminUser, admin, idOf, type List } from './administration.ts';
import { ok } from './client.ts';
import { testDatabases } from './databases.ts';
import { createWorld, member, type World } from './matrix/world.ts';
import { epochsOf, refused } from './scenario.ts';
import { everything, type WatchedScene, withWatchedScene } from './watched-app.ts';

/** All that is known of somebody, in words that nobody else's data has. */
const PERSON = {
  email: 'wilhelmina.traceable@example.com',
  username: 'wilhelmina-t',
  password: 'walks the dog at seven',
};
const PROFILE = {
  fullName: 'Wilhelmina Quuxbury',
  phone: '+41449876543',
  profile: { bio: 'Collects zithers', website: 'https://zither.example', location: 'Frobnitz' },
};
const MOVED = 'wilhelmina.moving@example.net';
const TRACES = /wilhelmina|quuxbury|41449876543|zither|frobnitz/i;
/** From where she came; nobody else did. */
const ADDRESS = '203.0.113.99';

interface Erasable {
  s: WatchedScene;
  w: World;
  id: string;
  token: string;
  refreshToken: string;
}

/** Somebody with traces in every corner: sessions, history, a registration, a reset, a change of address, and acts of administrators. */
async function withErasable(freshUrl: Parameters<typeof withWatchedScene>[1], run: (e: Erasable) => Promise<void>) {
  await withWatchedScene(
    async (s) => {
      const w = await createWorld(s);
      const headers = { 'x-forwarded-for': ADDRESS };
      const send: typeof w.client.send = (method, path, options = {}) =>
        w.client.send(method, path, { ...options, headers });
      ok(await send('POST', '/auth/register', { body: { ...PERSON, fullName: PROFILE.fullName } }), 202);
      // Or the codes of both would be mailed in either order.
      await s.work();
      s.time.forward(MINUTE);
      const { accessToken: token, refreshToken, user } = await w.client.register(PERSON);
      ok(await send('POST', '/auth/login', { body: { login: PERSON.email, password: PERSON.password } }), 200);
      ok(await send('PATCH', '/users/me', { token, body: PROFILE }), 200);
      s.time.forward(MINUTE);
      ok(await send('POST', '/auth/request-password-reset', { body: { email: PERSON.email } }), 202);
      ok(await send('POST', '/users/me/email', { token, body: { newEmail: MOVED } }), 202);
      ok(await send('POST', '/auth/register', { body: { email: PERSON.email, password: PERSON.password } }), 202);
      ok(await admin(w, 'PATCH', `/users/${user.id}`, { fullName: 'Wilhelmina Quuxbury-Zither' }), 200);
      ok(await admin(w, 'POST', `/users/${user.id}/password-reset`), 202);
      await s.work();
      await run({ s, w, id: user.id, token, refreshToken });
    },
    { ...freshUrl, env: { TRUSTED_PROXIES: '127.0.0.1' } },
  );
}

/** Tables of which a row, as JSON, matches. */
async function tracesIn(s: WatchedScene, pattern: RegExp): Promise<string[]> {
  const found: string[] = [];
  for (const [table, rows] of Object.entries(await everything(s.database))) {
    for (const row of rows) {
      const text = JSON.stringify(row);
      if (pattern.test(text)) found.push(`${table}: ${text}`);
    }
  }
  return found;
}

/** Everything is delivered that follows from what happened. */
async function settle(s: WatchedScene) {
  for (let turns = 0; turns < 5; turns++) {
    await s.work();
    s.time.forward(MINUTE);
  }
}

for (const { name, freshUrl } of testDatabases()) {
  test(`erasure: address and username are free at once, everything that lets in is dead (${name})`, () =>
    withErasable({ freshUrl }, async ({ w, id, token, refreshToken }) => {
      const { sessionEpoch, grantEpoch, credentialEpoch } = await epochsOf(w, id);
      const { users } = w.app.storage;
      const { erase } = users;
      const raised: unknown[] = [];
      // The tombstone itself may be gone before the answer is here.
      users.erase = (at, change, event) => {
        raised.push(change);
        return erase(at, change, event);
      };
      ok(await admin(w, 'DELETE', `/users/${id}?erase=true`), 204);
      const expected = {
        sessionEpoch: sessionEpoch + 1,
        grantEpoch: grantEpoch + 1,
        credentialEpoch: credentialEpoch + 1,
      };
      assert.deepEqual(raised, [expected]);
      refused(await w.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
      refused(await w.client.send('POST', '/auth/refresh', { body: { refreshToken } }), 401, 'refresh_invalid');
      for (const login of [PERSON.email, PERSON.username]) {
        const body = { login, password: PERSON.password };
        refused(await w.client.send('POST', '/auth/login', { body }), 401, 'invalid_credentials');
      }
      const body = { email: PERSON.email, username: PERSON.username };
      const again = ok<AdminUser>(await admin(w, 'POST', '/users', body), 201);
      assert.notEqual(again.id, id);
      for (const [method, tail] of [
        ['GET', ''],
        ['DELETE', ''],
        ['POST', '/restore'],
        ['POST', '/activate'],
        ['DELETE', '?erase=true'],
      ] as const) {
        refused(await admin(w, method, `/users/${id}${tail}`), 404, 'user_not_found');
      }
      const listed = ok<List<AdminUser>>(await admin(w, 'GET', '/users?status=deleted'), 200);
      assert.deepEqual(listed.items, []);
    }));

  test(`erasure: nothing of the person is left, in any table, and the tombstone goes (${name})`, () =>
    withErasable({ freshUrl }, async ({ s, w, id }) => {
      assert.ok((await tracesIn(s, TRACES)).length > 0);
      ok(await admin(w, 'DELETE', `/users/${id}?erase=true`), 204);
      await settle(s);
      assert.deepEqual(await tracesIn(s, TRACES), []);
      assert.equal(await s.app.storage.users.find(id), null);
      const named = await tracesIn(s, new RegExp(id));
      assert.ok(
        named.every((row) => row.startsWith('events:') || row.startsWith('evictions:')),
        named.join('\n'),
      );
      assert.ok(
        named.every((row) => !row.includes(ADDRESS)),
        named.join('\n'),
      );
    }));

  test(`erasure: what administrators did stays in the audit log, without the person (${name})`, () =>
    withErasable({ freshUrl }, async ({ s, w, id }) => {
      const root = await idOf(w);
      const read = async () =>
        ok<List<{ id: string; type: string; actor: { id: string } | null; target: { id: string } }>>(
          await admin(w, 'GET', `/events?actor=${root}&pageSize=100`),
          200,
        ).items.filter(({ target }) => target.id === id);
      const before = await read();
      assert.ok(before.length > 0);
      const erased = await admin(w, 'DELETE', `/users/${id}?erase=true`);
      ok(erased, 204);
      await settle(s);
      ok(await w.client.send('GET', '/users/me', { token: w.root }), 200);
      const after = await read();
      const ids = after.map((event) => event.id);
      assert.ok(
        before.every((event) => ids.includes(event.id)),
        'none of them is gone',
      );
      const requestId = erased.headers['x-request-id'];
      const own = ok<List<{ actor: { id: string } }>>(
        await admin(w, 'GET', `/events?requestId=${requestId}`),
        200,
      ).items;
      assert.equal(own.length, 1);
      assert.equal(own[0]?.actor.id, root);
      assert.doesNotMatch(JSON.stringify(after), TRACES);
    }));

  test(`erasure of somebody who administered: what they did to others stays (${name})`, () =>
    withWatchedScene(
      async (s) => {
        const w = await createWorld(s);
        const [officer, friend] = [await member(w, ['admin']), await member(w)];
        const acted = await admin(w, 'POST', `/users/${friend.userId}/deactivate`, undefined, officer.token);
        ok(acted, 200);
        ok(await admin(w, 'DELETE', `/users/${officer.userId}?erase=true`), 204);
        await settle(s);
        const path = `/events?requestId=${acted.headers['x-request-id']}`;
        const { items } = ok<List<{ actor: { id: string } | null; target: object }>>(await admin(w, 'GET', path), 200);
        assert.equal(items.length, 1);
        assert.deepEqual(items[0]?.target, { kind: 'user', id: friend.userId });
        assert.deepEqual(await tracesIn(s, new RegExp(`${officer.email}|${officer.username}"`)), []);
        ok(await w.client.send('GET', '/users/me', { token: w.root }), 200);
      },
      { freshUrl },
    ));

  test(`erasure: a sign-in that was under way meanwhile leaves nothing either (${name})`, () =>
    withErasable({ freshUrl }, async ({ s, w, id }) => {
      const { sessions } = s.app.storage;
      const [before] = await sessions.listLatest(id, 1);
      assert.ok(before);
      ok(await admin(w, 'DELETE', `/users/${id}?erase=true`), 204);
      await settle(s);
      const late = { ...before, id: newId(s.time.now), version: 1 };
      const about = { target: `session:${late.id}`, userId: id, actorId: id };
      const caller = { ...SYSTEM_CALLER, ip: ADDRESS };
      const events = createEvents({ clock: () => s.time.now });
      await sessions.create(late, { ...events.describe(caller, { type: 'session.started', ...about }), pending: true });
      assert.ok((await tracesIn(s, new RegExp(ADDRESS))).length > 0);
      await settle(s);
      assert.equal(await sessions.find(late.id), null);
      assert.deepEqual(await tracesIn(s, new RegExp(`${late.id}.*${ADDRESS}|${ADDRESS}.*${late.id}`)), []);
    }));

  test(`who was shut out before a deletion is still shut out after a restoration (${name})`, () =>
    withErasable({ freshUrl }, async ({ w, id }) => {
      for (const status of ['active', 'disabled', 'active', 'active']) {
        const action = status === 'active' ? 'activate' : 'deactivate';
        ok(await admin(w, 'POST', `/users/${id}/${action}`), 200);
        ok(await admin(w, 'DELETE', `/users/${id}`), 204);
        assert.equal(ok<AdminUser>(await admin(w, 'POST', `/users/${id}/restore`), 200).status, status);
      }
    }));

  test(`erasure asks for a fresh sign-in; deleting does not; of one deleted before it works, too (${name})`, () =>
    withErasable({ freshUrl }, async ({ s, w, id }) => {
      s.time.forward(11 * MINUTE);
      refused(await admin(w, 'DELETE', `/users/${id}?erase=true`, undefined, w.root), 401, 'reauth_required');
      ok(await admin(w, 'DELETE', `/users/${id}`), 204);
      refused(await admin(w, 'POST', '/users', { email: PERSON.email }), 409, 'email_taken');
      const { token } = await member(w, ['superadmin']);
      ok(await admin(w, 'DELETE', `/users/${id}?erase=true`, undefined, token), 204);
      await settle(s);
      assert.deepEqual(await tracesIn(s, TRACES), []);
    }));
}
