import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DAY, HOUR, MINUTE, SECOND } from '../src/platform/clock.ts';
import { CHROME, ok, type SignedInBody } from './client.ts';
import { cookieOf, refused, SAME_ORIGIN, type Scene, somebody, withScene } from './scenario.ts';

interface SessionView {
  id: string;
  device: { browser: string | null; os: string | null; kind: string };
  ip: string;
  clientId: string;
  createdAt: string;
  lastSeenAt: string;
  expiresAt: string;
  current: boolean;
}

const list = async ({ client }: Scene, { accessToken: token }: SignedInBody) =>
  ok<{ items: SessionView[] }>(await client.send('GET', '/sessions', { token }), 200).items;

async function assertDead({ client }: Scene, { accessToken: token, refreshToken }: Partial<SignedInBody>) {
  if (token) refused(await client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
  if (refreshToken) {
    refused(await client.send('POST', '/auth/refresh', { body: { refreshToken } }), 401, 'refresh_invalid');
  }
}

const assertAlive = async ({ client }: Scene, { accessToken: token }: SignedInBody) =>
  ok(await client.send('GET', '/users/me', { token }), 200);

describe('POST /auth/logout', () => {
  test('with a Bearer token ends that session, and only that', () =>
    withScene(async (s) => {
      const person = somebody();
      const one = await s.client.register(person);
      const other = await s.client.login(person);
      const answer = await s.client.send('POST', '/auth/logout', { token: one.accessToken });
      assert.equal(answer.statusCode, 204);
      assert.equal(answer.body, '');
      await assertDead(s, one);
      await assertAlive(s, other);
    }));

  test('with an expired access token, also a day later', () =>
    withScene(async (s) => {
      const signedIn = await s.client.register(somebody());
      s.time.forward(DAY);
      refused(await s.client.send('GET', '/users/me', { token: signedIn.accessToken }), 401, 'unauthenticated');
      ok(await s.client.send('POST', '/auth/logout', { token: signedIn.accessToken }), 204);
      await assertDead(s, { refreshToken: signedIn.refreshToken });
    }));

  test('with the refresh token in the body', () =>
    withScene(async (s) => {
      const signedIn = await s.client.register(somebody());
      const body = { refreshToken: signedIn.refreshToken };
      ok(await s.client.send('POST', '/auth/logout', { body }), 204);
      await assertDead(s, signedIn);
    }));

  test('with the cookie, from an allowed origin only; the cookie is taken away', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      const body = { login: person.email, password: person.password };
      const login = await s.client.send('POST', '/auth/login', { body });
      const { accessToken } = login.json<SignedInBody>();
      const { name, value } = cookieOf(login);
      const cookie = `${name}=${value}`;
      const foreign: Record<string, string>[] = [{ cookie }, { cookie, origin: 'https://evil.example' }];
      for (const headers of foreign) {
        refused(await s.client.send('POST', '/auth/logout', { headers }), 403, 'origin_refused');
      }
      ok(await s.client.send('GET', '/users/me', { token: accessToken }), 200);
      const answer = await s.client.send('POST', '/auth/logout', { headers: { cookie, ...SAME_ORIGIN } });
      assert.equal(answer.statusCode, 204, answer.body);
      const cleared = cookieOf(answer);
      assert.equal(cleared.name, name);
      assert.equal(cleared.value, '');
      assert.ok(cleared.attributes.some((attribute) => /^max-age=0$|^expires=.*1970/.test(attribute)));
      for (const attribute of ['httponly', 'samesite=strict', 'path=/']) {
        assert.ok(cleared.attributes.includes(attribute), cleared.attributes.join());
      }
      await assertDead(s, { accessToken });
      const headers = { cookie, ...SAME_ORIGIN };
      refused(await s.client.send('POST', '/auth/refresh', { headers }), 401, 'refresh_invalid');
    }));

  test('forged tokens end nothing', () =>
    withScene(async (s) => {
      const signedIn = await s.client.register(somebody());
      const [head, claims] = signedIn.accessToken.split('.');
      const other = (await s.client.register(somebody())).accessToken.split('.')[2];
      await s.client.send('POST', '/auth/logout', { token: `${head}.${claims}.${other}` });
      await s.client.send('POST', '/auth/logout', { token: `${head}.${claims}.` });
      const refreshToken = `${signedIn.refreshToken.slice(0, -3)}AAA`;
      await s.client.send('POST', '/auth/logout', { body: { refreshToken } });
      await assertAlive(s, signedIn);
    }));

  test('twice does no harm', () =>
    withScene(async (s) => {
      const { accessToken: token, refreshToken } = await s.client.register(somebody());
      ok(await s.client.send('POST', '/auth/logout', { token }), 204);
      const again = await s.client.send('POST', '/auth/logout', { token });
      assert.ok([204, 401].includes(again.statusCode), again.body);
      const third = await s.client.send('POST', '/auth/logout', { body: { refreshToken } });
      assert.ok([204, 401].includes(third.statusCode), third.body);
    }));

  test('the predecessor of the live refresh token ends the session, too', () =>
    withScene(async (s) => {
      const first = await s.client.register(somebody());
      const body = { refreshToken: first.refreshToken };
      const second = ok<SignedInBody>(await s.client.send('POST', '/auth/refresh', { body }), 200);
      ok(await s.client.send('POST', '/auth/logout', { body }), 204);
      await assertDead(s, second);
    }));
});

describe('POST /auth/logout-all', () => {
  test('ends every session of the user, this one too, and nobody else’s', () =>
    withScene(async (s) => {
      const person = somebody();
      const mine = [await s.client.register(person), await s.client.login(person), await s.client.login(person)];
      const theirs = await s.client.register(somebody());
      const token = mine[1]?.accessToken ?? '';
      ok(await s.client.send('POST', '/auth/logout-all', { token }), 204);
      for (const signedIn of mine) await assertDead(s, signedIn);
      await assertAlive(s, theirs);
      await assertAlive(s, await s.client.login(person));
    }));

  test('needs a valid access token', () =>
    withScene(async ({ client }) => {
      refused(await client.send('POST', '/auth/logout-all'), 401, 'unauthenticated');
    }));
});

describe('/sessions', () => {
  test('lists the live ones with their devices, this one marked', () =>
    withScene(async (s) => {
      const person = somebody();
      const firefox = await s.client.register(person);
      s.time.forward(HOUR);
      const refreshed = await s.client.send('POST', '/auth/refresh', { body: { refreshToken: firefox.refreshToken } });
      const body = { login: person.email, password: person.password, tokenTransport: 'body' };
      const headers = { 'user-agent': CHROME };
      const chrome = ok<SignedInBody>(await s.client.send('POST', '/auth/login', { body, headers }), 200);
      const items = await list(s, chrome);
      assert.equal(items.length, 2);
      const [own] = items.filter(({ current }) => current);
      const [other] = items.filter(({ current }) => !current);
      assert.ok(own && other);
      assert.equal(own.id, chrome.session.id);
      assert.equal(other.id, ok<SignedInBody>(refreshed, 200).session.id);
      assert.deepEqual(own.device, { browser: 'Chrome', os: 'Windows', kind: 'desktop' });
      assert.deepEqual(other.device, { browser: 'Firefox', os: 'Linux', kind: 'desktop' });
      for (const item of items) {
        const members = Object.keys(item).filter((member) => member !== 'country');
        const expected = 'id device ip clientId createdAt lastSeenAt expiresAt current'.split(' ');
        assert.deepEqual(members.sort(), expected.sort());
        assert.equal(item.clientId, 'ostiary');
        assert.equal(item.ip, '127.0.0.1');
      }
      assert.equal(own.createdAt, s.time.now.toISOString());
      assert.equal(other.lastSeenAt, s.time.now.toISOString());
      assert.equal(other.expiresAt, ok<SignedInBody>(refreshed, 200).session.expiresAt);
    }));

  test('forgets sessions that ended or ran out', () =>
    withScene(async (s) => {
      const person = somebody();
      const old = await s.client.register(person);
      s.time.forward(31 * DAY);
      const ended = await s.client.login(person);
      ok(await s.client.send('POST', '/auth/logout', { token: ended.accessToken }), 204);
      const now = await s.client.login(person);
      assert.deepEqual(
        (await list(s, now)).map(({ id }) => id),
        [now.session.id],
      );
      await assertDead(s, old);
    }));

  test('DELETE /sessions/{id} ends one of one’s own', () =>
    withScene(async (s) => {
      const person = somebody();
      const one = await s.client.register(person);
      const other = await s.client.login(person);
      ok(await s.client.send('DELETE', `/sessions/${one.session.id}`, { token: other.accessToken }), 204);
      await assertDead(s, one);
      await assertAlive(s, other);
      const again = await s.client.send('DELETE', `/sessions/${one.session.id}`, { token: other.accessToken });
      assert.equal(again.statusCode, 404, again.body);
      ok(await s.client.send('DELETE', `/sessions/${other.session.id}`, { token: other.accessToken }), 204);
      await assertDead(s, other);
    }));

  test('another’s id, an unknown id and no id answer 404 and end nothing', () =>
    withScene(async (s) => {
      const mine = await s.client.register(somebody());
      const theirs = await s.client.register(somebody());
      const token = mine.accessToken;
      const bodies = [];
      for (const id of [theirs.session.id, '01890000-0000-7000-8000-000000000000']) {
        const answer = await s.client.send('DELETE', `/sessions/${id}`, { token });
        bodies.push({ ...refused(answer, 404, answer.json().code), requestId: '' });
      }
      assert.deepEqual(bodies[0], bodies[1]);
      const strange = await s.client.send('DELETE', '/sessions/not-an-id', { token });
      assert.ok([400, 404].includes(strange.statusCode), strange.body);
      await assertAlive(s, theirs);
    }));

  test('DELETE /sessions ends all but this one', () =>
    withScene(async (s) => {
      const person = somebody();
      const others = [await s.client.register(person), await s.client.login(person)];
      const mine = await s.client.login(person);
      ok(await s.client.send('DELETE', '/sessions', { token: mine.accessToken }), 204);
      for (const other of others) await assertDead(s, other);
      await assertAlive(s, mine);
      ok(await s.client.send('POST', '/auth/refresh', { body: { refreshToken: mine.refreshToken } }), 200);
      assert.equal((await list(s, mine)).length, 1);
      await assertAlive(s, await s.client.login(person));
    }));

  test('a session kept once is not kept when all end later', () =>
    withScene(async (s) => {
      const person = somebody();
      const kept = await s.client.register(person);
      ok(await s.client.send('DELETE', '/sessions', { token: kept.accessToken }), 204);
      s.time.forward(SECOND);
      const later = await s.client.login(person);
      ok(await s.client.send('DELETE', '/sessions', { token: later.accessToken }), 204);
      await assertDead(s, kept);
      await assertAlive(s, later);
    }));

  test('need a token', () =>
    withScene(async ({ client }) => {
      for (const [method, path] of [
        ['GET', '/sessions'],
        ['DELETE', '/sessions'],
        ['DELETE', '/sessions/01890000-0000-7000-8000-000000000000'],
      ] as const) {
        const answer = await client.send(method, path);
        refused(answer, 401, 'unauthenticated');
        assert.match(String(answer.headers['www-authenticate']), /^Bearer/);
      }
    }));
});

test('a session’s access token serves for 15 minutes', () =>
  withScene(async (s) => {
    const signedIn = await s.client.register(somebody());
    assert.equal(signedIn.expiresIn, 15 * 60);
    s.time.forward(15 * MINUTE - SECOND);
    await assertAlive(s, signedIn);
    s.time.forward(2 * SECOND);
    const answer = await s.client.send('GET', '/users/me', { token: signedIn.accessToken });
    refused(answer, 401, 'unauthenticated');
    assert.match(String(answer.headers['www-authenticate']), /^Bearer .*error="invalid_token"/);
  }));
