import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MINUTE, SECOND } from '../src/platform/clock.ts';
import { codeIn, ok, type SignedInBody } from './client.ts';
import { epochsOf, refused, type Scene, somebody, withScene } from './scenario.ts';

interface User {
  id: string;
  email: string;
  username: string | null;
  fullName: string | null;
  phone: string | null;
  locale: string | null;
  profile: object;
  profilePublic: boolean;
  createdAt: string;
  updatedAt: string;
  [field: string]: unknown;
}

const signIn = (s: Scene) => s.client.register(somebody());
const me = async (s: Scene, token: string) => ok<User>(await s.client.send('GET', '/users/me', { token }), 200);
const patch = (s: Scene, token: string, body: object) => s.client.send('PATCH', '/users/me', { token, body });

describe('GET, PATCH /users/me', () => {
  test('shows exactly what the contract names', () =>
    withScene(async (s) => {
      const { accessToken, user } = await signIn(s);
      const shown = await me(s, accessToken);
      const members =
        'id email emailVerified username fullName phone locale profile profilePublic avatarUrl status roles lastLoginAt createdAt updatedAt version';
      assert.deepEqual(Object.keys(shown).sort(), members.split(' ').sort());
      assert.equal(shown.id, user.id);
      assert.deepEqual(shown.roles, ['user']);
      assert.equal(shown.avatarUrl, null);
      assert.equal(shown.createdAt, s.time.now.toISOString());
    }));

  test('changes what is given and nothing else, clears what is null', () =>
    withScene(async (s) => {
      const { accessToken: token } = await signIn(s);
      const before = await me(s, token);
      s.time.forward(MINUTE);
      const profile = { bio: 'Two\nlines', website: 'https://example.org/', location: 'Zürich' };
      const all = {
        fullName: 'Zoë Ångström \u200fزوئی\u200cها',
        username: 'Zoe-2',
        phone: '+41441234567',
        locale: 'de-CH',
        profile,
        profilePublic: true,
      };
      const changed = ok<User>(await patch(s, token, all), 200);
      assert.deepEqual(changed, {
        ...before,
        ...all,
        updatedAt: s.time.now.toISOString(),
        lastLoginAt: changed.lastLoginAt,
        version: Number(before.version) + 1,
      });
      assert.deepEqual(await me(s, token), changed);
      const cleared = ok<User>(await patch(s, token, { fullName: null, phone: null }), 200);
      assert.equal(cleared.fullName, null);
      assert.equal(cleared.phone, null);
      assert.equal(cleared.username, 'Zoe-2');
      assert.deepEqual(cleared.profile, profile);
      ok(
        await s.client.send('POST', '/auth/login', { body: { login: 'zoe-2', password: 'walks the dog at seven' } }),
        200,
      );
    }));

  test('refuses what nobody may set of themselves, and what does not fit', () =>
    withScene(async (s) => {
      const { accessToken: token } = await signIn(s);
      const before = await me(s, token);
      const bad: object[] = [
        { email: 'other@example.com' },
        { roles: ['superadmin'] },
        { role: 'admin' },
        { roleIds: ['admin'] },
        { status: 'active' },
        { emailVerified: true },
        { id: '01890000-0000-7000-8000-000000000000' },
        { password: 'walks the dog at eight' },
        { fullName: 5 },
        { fullName: 'x'.repeat(10_000) },
        ...['\u202a', '\u202e', '\u2066', '\u2069', '\u2028', '\u0007'].flatMap((sign) => [
          { fullName: `Ann ${sign}elbA` },
          { profile: { location: `Bern${sign}` } },
        ]),
        { profilePublic: 'true' },
        { profile: { isAdmin: true } },
        { profile: { website: 'javascript:alert(1)' } },
        { profile: 'text' },
        { phone: 'call me' },
        { locale: 'not a locale' },
        { username: 'a@b' },
      ];
      for (const body of bad) {
        const answer = await patch(s, token, body);
        assert.equal(answer.statusCode, 400, `${JSON.stringify(body).slice(0, 80)}: ${answer.body}`);
      }
      for (const text of [
        '{"__proto__":{"roles":["superadmin"]}}',
        '{"constructor":{"prototype":{}}}',
        '[]',
        'null',
        '1',
      ]) {
        const answer = await s.client.send('PATCH', '/users/me', {
          token,
          body: text,
          headers: { 'content-type': 'application/json' },
        });
        assert.equal(answer.statusCode, 400, `${text}: ${answer.body}`);
      }
      const after = await me(s, token);
      assert.deepEqual(after, { ...before, lastLoginAt: after.lastLoginAt });
    }));

  test('409 username_taken, also for a look-alike; one’s own in another case is free', () =>
    withScene(async (s) => {
      await s.client.register(somebody({ username: 'goldfinch' }));
      const { accessToken: token } = await s.client.register(somebody({ username: 'bullfinch' }));
      for (const username of ['goldfinch', 'GoldFinch', 'go1dfinch']) {
        refused(await patch(s, token, { username }), 409, 'username_taken');
      }
      assert.equal(ok<User>(await patch(s, token, { username: 'BullFinch' }), 200).username, 'BullFinch');
    }));

  test('need a token', () =>
    withScene(async ({ client }) => {
      for (const [method, path] of [
        ['GET', '/users/me'],
        ['PATCH', '/users/me'],
        ['DELETE', '/users/me'],
        ['POST', '/users/me/email'],
        ['POST', '/users/me/email/confirm'],
        ['GET', '/users/me/events'],
      ] as const) {
        refused(await client.send(method, path, { body: method === 'GET' ? undefined : {} }), 401, 'unauthenticated');
      }
    }));
});

describe('DELETE /users/me', () => {
  test('ends everything; the address stays taken, the name too', () =>
    withScene(async (s) => {
      const person = somebody();
      const one = await s.client.register(person);
      const other = await s.client.login(person);
      const epochs = await epochsOf(s, one.user.id);
      assert.equal((await s.client.send('DELETE', '/users/me', { token: other.accessToken })).statusCode, 204);
      const { sessionEpoch, grantEpoch, credentialEpoch } = epochs;
      const raised = { sessionEpoch: sessionEpoch + 1, grantEpoch: grantEpoch + 1, credentialEpoch };
      assert.deepEqual(await epochsOf(s, one.user.id), raised);
      for (const { accessToken, refreshToken } of [one, other]) {
        refused(await s.client.send('GET', '/users/me', { token: accessToken }), 401, 'unauthenticated');
        refused(await s.client.send('POST', '/auth/refresh', { body: { refreshToken } }), 401, 'refresh_invalid');
      }
      const body = { login: person.email, password: person.password };
      refused(await s.client.send('POST', '/auth/login', { body }), 401, 'invalid_credentials');
      const named = somebody({ username: person.username });
      refused(await s.client.send('POST', '/auth/register', { body: named }), 409, 'username_taken');
      ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email: person.email } }), 202);
      const links = (await s.mailsTo(person.email)).filter(({ text }) => text.includes('#token='));
      assert.deepEqual(links, []);
      refused(await s.client.send('GET', `/users/by-name/${person.username}`), 404, 'user_not_found');
    }));

  test('the last superadmin stays', () =>
    withScene(async (s) => {
      const token = await s.app.setup.offer();
      const root = somebody();
      ok(await s.client.send('POST', '/setup', { body: { token, email: root.email, password: root.password } }), 201);
      const { accessToken } = await s.client.login(root);
      const answer = await s.client.send('DELETE', '/users/me', { token: accessToken });
      refused(answer, 409, 'superadmin_protected');
      await s.client.login(root);
    }));
});

describe('POST /users/me/email', () => {
  const move = (s: Scene, token: string, newEmail: string) =>
    s.client.send('POST', '/users/me/email', { token, body: { newEmail } });
  const confirm = (s: Scene, token: string, code: string) =>
    s.client.send('POST', '/users/me/email/confirm', { token, body: { code } });
  const newestCode = async (s: Scene, email: string) => codeIn((await s.mailsTo(email))[0]?.text);

  test('an address in use is answered alike; the code comes to nobody, its owner is told', () =>
    withScene(async (s) => {
      const owner = somebody();
      await s.client.register(owner);
      const { accessToken: token } = await signIn(s);
      const free = await move(s, token, 'free@example.org');
      const taken = await move(s, token, owner.email.toUpperCase());
      assert.equal(taken.statusCode, 202);
      assert.equal(taken.body, free.body);
      const newest = (await s.mailsTo(owner.email))[0]?.text ?? '';
      const others = await s.mailsTo(owner.email.toUpperCase());
      for (const text of [newest, ...others.map((mail) => mail.text)]) assert.doesNotMatch(text, /^\s*\d{6}\s*$/m);
    }));

  test('the index decides: 409 email_taken when somebody was faster', () =>
    withScene(async (s) => {
      const wanted = somebody();
      const { accessToken: token } = await signIn(s);
      ok(await move(s, token, wanted.email), 202);
      const code = await newestCode(s, wanted.email);
      await s.client.register(wanted);
      refused(await confirm(s, token, code), 409, 'email_taken');
    }));

  test('five tries, ten minutes, one use, and only the latest wish', () =>
    withScene(async (s) => {
      const { accessToken: token, user } = await signIn(s);
      const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');
      refused(await confirm(s, token, '123456'), 400, 'code_invalid');

      ok(await move(s, token, 'spent@example.org'), 202);
      const spent = await newestCode(s, 'spent@example.org');
      for (let tries = 0; tries < 5; tries++) refused(await confirm(s, token, wrong(spent)), 400, 'code_invalid');
      refused(await confirm(s, token, spent), 400, 'code_invalid');

      ok(await move(s, token, 'first@example.org'), 202);
      const first = await newestCode(s, 'first@example.org');
      ok(await move(s, token, 'second@example.org'), 202);
      const second = await newestCode(s, 'second@example.org');
      if (first !== second) refused(await confirm(s, token, first), 400, 'code_invalid');
      s.time.forward(9 * MINUTE);
      assert.equal(ok<User>(await confirm(s, token, second), 200).email, 'second@example.org');
      refused(await confirm(s, token, second), 400, 'code_invalid');
      assert.equal((await me(s, token)).id, user.id);
    }));

  test('after ten minutes the code is nothing', () =>
    withScene(async (s) => {
      const { accessToken: token, refreshToken } = await signIn(s);
      ok(await move(s, token, 'late@example.org'), 202);
      const code = await newestCode(s, 'late@example.org');
      s.time.forward(10 * MINUTE);
      const again = await s.client.send('POST', '/auth/refresh', { body: { refreshToken } });
      refused(await confirm(s, ok<SignedInBody>(again, 200).accessToken, code), 400, 'code_invalid');
    }));

  test('the code of one user is nothing to another', () =>
    withScene(async (s) => {
      const { accessToken: mine } = await signIn(s);
      const { accessToken: theirs } = await signIn(s);
      ok(await move(s, mine, 'mine@example.org'), 202);
      const code = await newestCode(s, 'mine@example.org');
      refused(await confirm(s, theirs, code), 400, 'code_invalid');
      ok(await confirm(s, mine, code), 200);
    }));

  test('refuses what is no address', () =>
    withScene(async (s) => {
      const { accessToken: token } = await signIn(s);
      assert.equal((await move(s, token, 'nobody')).statusCode, 400);
      const answer = await s.client.send('POST', '/users/me/email', { token, body: { newEmail: ['a@example.org'] } });
      refused(answer, 400, 'validation_failed');
    }));
});

describe('GET /users/by-name/{username}', () => {
  test('a profile that its owner made public, in any case of its name, without private fields', () =>
    withScene(async (s) => {
      const person = somebody({ username: 'Nightingale' });
      const { accessToken: token } = await s.client.register(person);
      const path = '/users/by-name/nightingale';
      const hidden = refused(await s.client.send('GET', path), 404, 'user_not_found');
      const missing = refused(await s.client.send('GET', '/users/by-name/nobody-here'), 404, 'user_not_found');
      assert.deepEqual({ ...hidden, requestId: '' }, { ...missing, requestId: '' });
      const profile = { bio: 'sings' };
      ok(await patch(s, token, { profilePublic: true, profile, fullName: 'N. Gale', phone: '+41441234567' }), 200);
      const answer = await s.client.send('GET', path);
      const shown = ok<Record<string, unknown>>(answer, 200);
      assert.equal(shown.username, 'Nightingale');
      assert.deepEqual(shown.profile, profile);
      for (const secret of [person.email, '+41441234567', 'roles', 'lastLoginAt', 'password']) {
        assert.ok(!answer.body.includes(secret), answer.body);
      }
      ok(await patch(s, token, { profilePublic: false }), 200);
      refused(await s.client.send('GET', path), 404, 'user_not_found');
    }));
});

describe('GET /users/me/events', () => {
  interface EventView {
    id: string;
    type: string;
    at: string;
  }
  interface Page {
    items: EventView[];
    page: number;
    pageSize: number;
    total: number;
    totalIsExact: boolean;
    nextCursor?: string | null;
  }

  async function eventful(s: Scene, changes: number) {
    const person = somebody();
    const signedIn = await s.client.register(person);
    for (let count = 0; count < changes; count++) {
      s.time.forward(SECOND);
      ok(await patch(s, signedIn.accessToken, { fullName: `Name ${count}` }), 200);
    }
    return { person, ...signedIn };
  }

  test('pages with totals; by cursor the same, without gap or double', () =>
    withScene(async (s) => {
      const { accessToken: token } = await eventful(s, 10);
      await signIn(s);
      const get = async (query: string) =>
        ok<Page>(await s.client.send('GET', `/users/me/events${query}`, { token }), 200);
      const all = await get('?pageSize=100');
      assert.equal(all.page, 1);
      assert.equal(all.pageSize, 100);
      assert.equal(all.totalIsExact, true);
      assert.equal(all.total, all.items.length);
      assert.equal(all.items.filter(({ type }) => /updated|changed/.test(type)).length, 10);
      const times = all.items.map(({ at }) => at);
      assert.deepEqual(times, [...times].sort().reverse(), 'the newest first');
      assert.equal((await get('')).pageSize, 20);

      const paged = [];
      for (let page = 1; page <= Math.ceil(all.total / 5); page++) {
        const part = await get(`?page=${page}&pageSize=5`);
        assert.equal(part.total, all.total);
        paged.push(...part.items);
      }
      assert.deepEqual(paged, all.items);
      assert.deepEqual((await get('?page=50')).items, []);

      const walked = [];
      let cursor = '';
      for (let turn = 0; turn < 20; turn++) {
        const part = await get(`?pageSize=5&cursor=${encodeURIComponent(cursor)}`);
        assert.deepEqual(Object.keys(part).sort(), ['items', 'nextCursor']);
        walked.push(...part.items);
        if (part.nextCursor === null || part.nextCursor === undefined) break;
        cursor = part.nextCursor;
      }
      assert.deepEqual(walked, all.items);
    }));

  test('refuses tampered cursors and pages out of bounds', () =>
    withScene(async (s) => {
      const { accessToken: token } = await eventful(s, 3);
      const get = (query: string) => s.client.send('GET', `/users/me/events${query}`, { token });
      const { nextCursor } = ok<Page>(await get('?pageSize=1&cursor='), 200);
      assert.ok(nextCursor);
      const at = Math.floor(nextCursor.length / 2);
      const flipped = nextCursor.slice(0, at) + (nextCursor[at] === 'A' ? 'B' : 'A') + nextCursor.slice(at + 1);
      for (const bad of [flipped, 'x', 'a.b.c', `${nextCursor}A`, nextCursor.slice(0, -4)]) {
        refused(await get(`?cursor=${encodeURIComponent(bad)}`), 400, 'validation_failed');
      }
      for (const query of [
        '?page=0',
        '?page=-1',
        '?page=1.5',
        '?page=x',
        '?pageSize=0',
        '?pageSize=101',
        '?other=1',
        '?page=1001&pageSize=10',
      ]) {
        refused(await get(query), 400, 'validation_failed');
      }
    }));

  test('somebody else’s cursor shows nothing of theirs', () =>
    withScene(async (s) => {
      const theirs = await eventful(s, 5);
      const cursor = ok<Page>(
        await s.client.send('GET', '/users/me/events?pageSize=1&cursor=', { token: theirs.accessToken }),
        200,
      ).nextCursor;
      const mine = await eventful(s, 1);
      const query = `/users/me/events?pageSize=100&cursor=${encodeURIComponent(cursor ?? '')}`;
      const answer = await s.client.send('GET', query, { token: mine.accessToken });
      if (answer.statusCode === 200) {
        const own = ok<Page>(
          await s.client.send('GET', '/users/me/events?pageSize=100', { token: mine.accessToken }),
          200,
        );
        const ids = new Set(own.items.map(({ id }) => id));
        assert.ok(answer.json<Page>().items.every(({ id }) => ids.has(id)));
      } else refused(answer, 400, 'validation_failed');
    }));

  test('marks a sign-in from a new device, and tells no secrets', () =>
    withScene(async (s) => {
      const { person, accessToken: token } = await eventful(s, 0);
      const body = { login: person.email, password: person.password, tokenTransport: 'body' };
      s.time.forward(SECOND);
      const headers = { 'user-agent': 'curl/8.9.1' };
      ok(await s.client.send('POST', '/auth/login', { body, headers }), 200);
      s.time.forward(SECOND);
      ok(await s.client.send('POST', '/auth/login', { body, headers }), 200);
      const answer = await s.client.send('GET', '/users/me/events', { token });
      const started = ok<{ items: Record<string, unknown>[] }>(answer, 200).items.filter(
        ({ type }) => type === 'session.started',
      );
      const isNew = (event: Record<string, unknown> | undefined) => /"newDevice":true/.test(JSON.stringify(event));
      assert.equal(started.length, 3);
      assert.equal(isNew(started[1]), true, 'the first from this device');
      assert.equal(isNew(started[0]), false, 'the second from this device');
      for (const secret of [person.password, '$argon2', 'hash', 'Hash']) assert.ok(!answer.body.includes(secret));
    }));
});

describe('GET /users/me/permissions', () => {
  test('answers roles, permissions, uiPermissions, and which roles wait for a second factor', () =>
    withScene(async (s) => {
      const { accessToken: token } = await signIn(s);
      const answer = await s.client.send('GET', '/users/me/permissions', { token });
      const shown = ok<{ roles: string[] }>(answer, 200);
      assert.deepEqual(Object.keys(shown).sort(), ['mfaRequiredBy', 'permissions', 'roles', 'uiPermissions']);
      assert.deepEqual(shown.roles, ['user']);
    }));
});
