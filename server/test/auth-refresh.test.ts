import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DAY, HOUR, MINUTE, SECOND } from '../src/platform/clock.ts';
import { CHROME, FIREFOX, ok, type SignedInBody } from './client.ts';
import { cookieOf, refused, SAME_ORIGIN, type Scene, somebody, withScene } from './scenario.ts';

const NEWER_FIREFOX = FIREFOX.replaceAll('140.0', '151.0');

const refresh = ({ client }: Scene, refreshToken: string, headers: Record<string, string> = {}) =>
  client.send('POST', '/auth/refresh', { body: { refreshToken }, headers });

const rotate = async (s: Scene, refreshToken: string) => ok<SignedInBody>(await refresh(s, refreshToken), 200);

const use = async ({ client }: Scene, { accessToken: token }: SignedInBody) =>
  (await client.send('GET', '/users/me', { token })).statusCode;

/** A session that was rotated once: what its client had before, and has now. */
async function rotatedOnce(s: Scene) {
  const person = somebody();
  const first = await s.client.register(person);
  s.time.forward(MINUTE);
  return { person, first, second: await rotate(s, first.refreshToken) };
}

async function assertKilled(s: Scene, email: string, ...tokens: SignedInBody[]) {
  for (const signedIn of tokens) {
    assert.equal(await use(s, signedIn), 401);
    refused(await refresh(s, signedIn.refreshToken), 401, 'refresh_invalid');
  }
  const subjects = (await s.mailsTo(email)).map(({ subject, text }) => `${subject} ${text}`);
  assert.match(subjects[0] ?? '', /sign(ed)?[ -]?(in|out)|session/i);
}

describe('POST /auth/refresh', () => {
  test('answers as login, with new tokens of the same session', () =>
    withScene(async (s) => {
      const { first, second } = await rotatedOnce(s);
      assert.notEqual(second.refreshToken, first.refreshToken);
      assert.notEqual(second.accessToken, first.accessToken);
      assert.equal(second.session.id, first.session.id);
      const { deviceToken, ...others } = first;
      assert.ok(deviceToken, 'a sign-in makes the device known');
      assert.deepEqual(Object.keys(second).sort(), Object.keys(others).sort());
      assert.equal(await use(s, second), 200);
      assert.equal(await use(s, first), 200, 'the old access token serves until it expires');
    }));

  test('garbage, bad MACs and tokens of nobody are refused alike and change nothing', () =>
    withScene(async (s) => {
      const { second } = await rotatedOnce(s);
      const token = second.refreshToken;
      const flipped = (at: number) => token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      const bad = ['x', '..', `${token}.`, `${token}A`, token.slice(0, -2), second.accessToken, token.toUpperCase()];
      for (let at = 0; at < token.length - 1; at += 5) bad.push(flipped(at));
      for (const refreshToken of bad) refused(await refresh(s, refreshToken), 401, 'refresh_invalid');
      assert.equal(await use(s, second), 200);
      await rotate(s, token);
    }));

  test('without any token: 401', () =>
    withScene(async ({ client }) => {
      refused(await client.send('POST', '/auth/refresh', { headers: SAME_ORIGIN }), 401, 'refresh_invalid');
      refused(await client.send('POST', '/auth/refresh', { body: {}, headers: SAME_ORIGIN }), 401, 'refresh_invalid');
      refused(await client.send('POST', '/auth/refresh', { body: { refreshToken: null } }), 400, 'validation_failed');
    }));

  describe('the predecessor', () => {
    test('within 10 s gets the same successor again, although its access token was used', () =>
      withScene(async (s) => {
        const { first, second } = await rotatedOnce(s);
        assert.equal(await use(s, second), 200);
        s.time.forward(10 * SECOND - 1);
        const again = await rotate(s, first.refreshToken);
        assert.equal(again.refreshToken, second.refreshToken);
        assert.equal(again.session.id, second.session.id);
        assert.equal(await use(s, again), 200);
        await rotate(s, again.refreshToken);
      }));

    for (const [name, sleep] of [
      ['125 s', 125 * SECOND],
      ['a weekend', 3 * DAY],
      ['as long as the session may idle', 30 * DAY - 1],
    ] as const) {
      test(`a lost answer is given again after ${name}, and the session goes on without a mail`, () =>
        withScene(async (s) => {
          const { person, first, second } = await rotatedOnce(s);
          const mails = (await s.mailsTo(person.email)).length;
          s.time.forward(sleep);
          const again = await rotate(s, first.refreshToken);
          assert.equal(again.refreshToken, second.refreshToken);
          assert.equal((await rotate(s, first.refreshToken)).refreshToken, second.refreshToken, 'lost once more');
          assert.equal(await use(s, again), 200);
          await rotate(s, again.refreshToken);
          assert.equal((await s.mailsTo(person.email)).length, mails);
        }));
    }

    test('is worth nothing once the session has idled out', () =>
      withScene(async (s) => {
        const { first } = await rotatedOnce(s);
        s.time.forward(30 * DAY);
        refused(await refresh(s, first.refreshToken), 401, 'refresh_invalid');
      }));

    test('after 10 s, with the access token of the successor used, kills the session and mails its owner', () =>
      withScene(async (s) => {
        const { person, first, second } = await rotatedOnce(s);
        assert.equal(await use(s, second), 200);
        const mails = (await s.mailsTo(person.email)).length;
        s.time.forward(10 * SECOND + 1);
        refused(await refresh(s, first.refreshToken), 401, 'refresh_invalid');
        await assertKilled(s, person.email, second);
        assert.equal((await s.mailsTo(person.email)).length, mails + 1);
      }));

    test('of two who got the successor by it, the one who comes after a use ends the session', () =>
      withScene(async (s) => {
        const { person, first } = await rotatedOnce(s);
        s.time.forward(HOUR);
        const thief = await rotate(s, first.refreshToken);
        s.time.forward(HOUR);
        const owner = await rotate(s, first.refreshToken);
        assert.equal(owner.refreshToken, thief.refreshToken);
        const next = await rotate(s, thief.refreshToken);
        assert.equal(await use(s, next), 200);
        s.time.forward(MINUTE);
        refused(await refresh(s, owner.refreshToken), 401, 'refresh_invalid');
        await assertKilled(s, person.email, next);
      }));

    test('after its successor was rotated, the one before ends the session, however long nothing was used', () =>
      withScene(async (s) => {
        const { person, first, second } = await rotatedOnce(s);
        s.time.forward(DAY);
        const third = await rotate(s, second.refreshToken);
        s.time.forward(DAY);
        refused(await refresh(s, first.refreshToken), 401, 'refresh_invalid');
        await assertKilled(s, person.email, third);
      }));

    test('ends the session if a use of the successor could be noted only at the second request', () =>
      withScene(async (s) => {
        const { person, first, second } = await rotatedOnce(s);
        const { markUsed } = s.app.storage.sessions;
        s.app.storage.sessions.markUsed = async () => assert.fail('the database is away');
        assert.equal(await use(s, second), 200);
        s.app.storage.sessions.markUsed = markUsed;
        assert.equal(await use(s, second), 200);
        s.time.forward(MINUTE);
        refused(await refresh(s, first.refreshToken), 401, 'refresh_invalid');
        await assertKilled(s, person.email, second);
      }));

    test('within 10 s of a successor that was rotated itself kills the session', () =>
      withScene(async (s) => {
        const { person, first, second } = await rotatedOnce(s);
        const third = await rotate(s, second.refreshToken);
        s.time.forward(SECOND);
        refused(await refresh(s, first.refreshToken), 401, 'refresh_invalid');
        await assertKilled(s, person.email, third);
      }));

    test('the access token that a retry got counts as a use of the successor, too', () =>
      withScene(async (s) => {
        const { person, first } = await rotatedOnce(s);
        s.time.forward(5 * SECOND);
        const again = await rotate(s, first.refreshToken);
        assert.equal(await use(s, again), 200);
        s.time.forward(60 * SECOND);
        refused(await refresh(s, first.refreshToken), 401, 'refresh_invalid');
        await assertKilled(s, person.email, again);
      }));

    test('the first access token of the session does not count as a use of the successor', () =>
      withScene(async (s) => {
        const { first, second } = await rotatedOnce(s);
        assert.equal(await use(s, first), 200);
        s.time.forward(60 * SECOND);
        assert.equal((await rotate(s, first.refreshToken)).refreshToken, second.refreshToken);
      }));

    test('from another browser kills the session, also within 10 s; a newer version of the same is alike', () =>
      withScene(async (s) => {
        const calm = await rotatedOnce(s);
        const newer = await refresh(s, calm.first.refreshToken, { 'user-agent': NEWER_FIREFOX });
        assert.equal(ok<SignedInBody>(newer, 200).refreshToken, calm.second.refreshToken);

        for (const wait of [SECOND, 60 * SECOND]) {
          const { person, first, second } = await rotatedOnce(s);
          s.time.forward(wait);
          refused(await refresh(s, first.refreshToken, { 'user-agent': CHROME }), 401, 'refresh_invalid');
          await assertKilled(s, person.email, second);
        }
      }));
  });

  test('a much older token kills the session and mails its owner, once', () =>
    withScene(async (s) => {
      const { person, first, second } = await rotatedOnce(s);
      let last = second;
      for (let count = 0; count < 3; count++) {
        s.time.forward(HOUR);
        last = await rotate(s, last.refreshToken);
      }
      const mails = (await s.mailsTo(person.email)).length;
      refused(await refresh(s, first.refreshToken), 401, 'refresh_invalid');
      refused(await refresh(s, first.refreshToken), 401, 'refresh_invalid');
      await assertKilled(s, person.email, last);
      assert.equal((await s.mailsTo(person.email)).length, mails + 1);
    }));

  test('the live token goes on from a newer version of the browser and from another address', () =>
    withScene(async (s) => {
      const { second } = await rotatedOnce(s);
      const answer = await s.app.http.inject({
        method: 'POST',
        url: '/api/v1/auth/refresh',
        remoteAddress: '2001:db8::1',
        headers: { 'user-agent': NEWER_FIREFOX },
        payload: { refreshToken: second.refreshToken },
      });
      ok(answer, 200);
    }));

  test('idle for 30 days ends a session; each use begins them anew', () =>
    withScene(async (s) => {
      const { second } = await rotatedOnce(s);
      s.time.forward(30 * DAY - SECOND);
      const third = await rotate(s, second.refreshToken);
      s.time.forward(30 * DAY - SECOND);
      const fourth = await rotate(s, third.refreshToken);
      s.time.forward(30 * DAY + SECOND);
      refused(await refresh(s, fourth.refreshToken), 401, 'refresh_invalid');
    }));

  test('after 90 days it is over, however often it was used', () =>
    withScene(async (s) => {
      let signedIn = await s.client.register(somebody());
      const until = new Date(s.time.now.getTime() + 90 * DAY);
      for (let count = 0; count < 8; count++) {
        s.time.forward(11 * DAY);
        signedIn = await rotate(s, signedIn.refreshToken);
        const idle = new Date(s.time.now.getTime() + 30 * DAY);
        assert.equal(signedIn.session.expiresAt, (idle < until ? idle : until).toISOString());
      }
      s.time.forward(2 * DAY - SECOND);
      signedIn = await rotate(s, signedIn.refreshToken);
      s.time.forward(SECOND);
      refused(await refresh(s, signedIn.refreshToken), 401, 'refresh_invalid');
      assert.equal(await use(s, signedIn), 401, 'no access token outlives its session');
    }));
});

describe('POST /auth/refresh by cookie', () => {
  const signIn = async (s: Scene) => {
    const person = somebody();
    await s.client.register(person);
    const body = { login: person.email, password: person.password };
    return cookieOf(await s.client.send('POST', '/auth/login', { body }));
  };

  test('needs an allowed Origin or Sec-Fetch-Site: same-origin', () =>
    withScene(
      async (s) => {
        const { name, value } = await signIn(s);
        const cookie = `${name}=${value}`;
        const bad: Record<string, string>[] = [
          {},
          { origin: 'https://evil.example' },
          { origin: 'null' },
          { origin: '' },
          { origin: 'http://localhost:8001' },
          { origin: 'https://localhost:8000' },
          { origin: 'http://localhost:8000.evil.example' },
          { 'sec-fetch-site': 'same-site' },
          { 'sec-fetch-site': 'cross-site' },
          { 'sec-fetch-site': 'none' },
        ];
        for (const headers of bad) {
          const answer = await s.client.send('POST', '/auth/refresh', { headers: { cookie, ...headers } });
          refused(answer, 403, 'origin_refused');
          assert.equal(answer.headers['set-cookie'], undefined);
        }
        let current = cookie;
        for (const headers of [
          SAME_ORIGIN,
          { origin: 'http://localhost:8000' },
          { origin: 'https://app.example.com' },
        ]) {
          s.time.forward(MINUTE);
          const answer = await s.client.send('POST', '/auth/refresh', { headers: { cookie: current, ...headers } });
          const signedIn = ok<SignedInBody>(answer, 200);
          assert.equal(signedIn.refreshToken, undefined);
          const next = cookieOf(answer);
          assert.notEqual(`${name}=${next.value}`, current);
          for (const attribute of ['httponly', 'samesite=strict', 'path=/']) {
            assert.ok(next.attributes.includes(attribute));
          }
          current = `${name}=${next.value}`;
          assert.equal(await use(s, signedIn), 200);
        }
      },
      { env: { CORS_ORIGINS: 'https://app.example.com' } },
    ));

  test('a cookie is nothing to other routes', () =>
    withScene(async (s) => {
      const { name, value } = await signIn(s);
      const headers = { cookie: `${name}=${value}`, ...SAME_ORIGIN };
      refused(await s.client.send('GET', '/users/me', { headers }), 401, 'unauthenticated');
      refused(await s.client.send('GET', '/sessions', { headers }), 401, 'unauthenticated');
      refused(await s.client.send('POST', '/auth/logout-all', { headers }), 401, 'unauthenticated');
    }));

  test('with https only the __Host- cookie counts: a neighbour cannot plant another', () =>
    withScene(
      async (s) => {
        const { name, value } = await signIn(s);
        assert.equal(name, '__Host-ostiary');
        const planted = { cookie: `ostiary=${value}`, origin: 'https://accounts.example.com' };
        refused(await s.client.send('POST', '/auth/refresh', { headers: planted }), 401, 'refresh_invalid');
        const own = { cookie: `${name}=${value}`, origin: 'https://accounts.example.com' };
        ok(await s.client.send('POST', '/auth/refresh', { headers: own }), 200);
      },
      { env: { PUBLIC_URL: 'https://accounts.example.com' } },
    ));

  test('a dead cookie is taken away', () =>
    withScene(async (s) => {
      const { name, value } = await signIn(s);
      s.time.forward(31 * DAY);
      const headers = { cookie: `${name}=${value}`, ...SAME_ORIGIN };
      const answer = await s.client.send('POST', '/auth/refresh', { headers });
      refused(answer, 401, 'refresh_invalid');
    }));

  test('a refresh token in the body is answered in the body and needs no Origin', () =>
    withScene(async (s) => {
      const { refreshToken } = await s.client.register(somebody());
      const headers = { origin: 'https://evil.example' };
      const answer = await refresh(s, refreshToken, headers);
      assert.ok(ok<SignedInBody>(answer, 200).refreshToken);
      assert.equal(answer.headers['set-cookie'], undefined);
    }));
});
