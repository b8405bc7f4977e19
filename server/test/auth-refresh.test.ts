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

    test('from another client gets the same successor, too', () =>
      withScene(async (s) => {
        const { first, second } = await rotatedOnce(s);
        for (const wait of [SECOND, 60 * SECOND]) {
          for (const userAgent of [NEWER_FIREFOX, CHROME, 'okhttp/5.0.0']) {
            const again = await refresh(s, first.refreshToken, { 'user-agent': userAgent });
            assert.equal(ok<SignedInBody>(again, 200).refreshToken, second.refreshToken);
          }
          s.time.forward(wait);
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

const DESKTOP_IPAD =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15';
const SMALL_IPAD =
  'Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1';
const EDGE = `${CHROME} Edg/140.0.0.0`;
const CHROME_ON_LINUX = CHROME.replace('Windows NT 10.0; Win64; x64', 'X11; Linux x86_64');

describe('a refresh from a client that has changed', () => {
  const agent = (userAgent: string) => ({ 'user-agent': userAgent });

  async function signedInBy(s: Scene, userAgent: string, tokenTransport: 'cookie' | 'body') {
    const person = somebody();
    await s.client.register(person);
    const body = { login: person.email, password: person.password, tokenTransport };
    const answer = await s.client.send('POST', '/auth/login', { body, headers: agent(userAgent) });
    return { person, answer, ...ok<SignedInBody>(answer, 200) };
  }

  const pairOf = ({ name, value }: { name: string; value: string }) => `${name}=${value}`;

  const byCookie = (s: Scene, cookie: string, userAgent: string) =>
    s.client.send('POST', '/auth/refresh', { headers: { cookie, ...SAME_ORIGIN, ...agent(userAgent) } });

  /** What the owner sees of the session, and how often a change of client stands in their history. */
  async function noted(s: Scene, { accessToken: token, session }: SignedInBody) {
    const { items } = ok<{ items: { id: string; device: object; refreshedBy?: object }[] }>(
      await s.client.send('GET', '/sessions', { token }),
      200,
    );
    const events = ok<{ items: { type: string; device: object }[] }>(
      await s.client.send('GET', '/users/me/events?pageSize=100', { token }),
      200,
    ).items.filter(({ type }) => type === 'session.client_changed');
    const { device, refreshedBy } = items.find(({ id }) => id === session.id) ?? assert.fail();
    return { device, refreshedBy, events: events.map((event) => event.device) };
  }

  test('a native application with another HTTP library goes on; session and history say so, once', () =>
    withScene(async (s) => {
      const signedIn = await signedInBy(s, 'okhttp/4.12.0', 'body');
      let last: SignedInBody = signedIn;
      for (const userAgent of ['okhttp/5.0.0', 'ktor-client', 'ktor-client/3', 'okhttp/5.0.0', 'ktor-client']) {
        s.time.forward(MINUTE);
        last = ok<SignedInBody>(await refresh(s, last.refreshToken, agent(userAgent)), 200);
      }
      const ktor = { browser: 'ktor-client', os: null, kind: 'other' };
      const device = { browser: 'okhttp', os: null, kind: 'other' };
      assert.deepEqual(await noted(s, last), { device, refreshedBy: ktor, events: [ktor] });
    }));

  test('a browser signs in, and a server-side front end goes on with its token', () =>
    withScene(async (s) => {
      const signedIn = await signedInBy(s, CHROME, 'body');
      s.time.forward(MINUTE);
      const next = ok<SignedInBody>(await refresh(s, signedIn.refreshToken, agent('node')), 200);
      const { refreshedBy, events } = await noted(s, next);
      assert.deepEqual(refreshedBy, { browser: 'node', os: null, kind: 'other' });
      assert.equal(events.length, 1);
    }));

  test('a server-side front end passes the cookies on: the device’s proves the session’s', () =>
    withScene(async (s) => {
      const { answer } = await signedInBy(s, CHROME, 'cookie');
      const [session, device] = [pairOf(cookieOf(answer)), pairOf(cookieOf(answer, 'device'))];
      const stranger = cookieOf((await signedInBy(s, CHROME, 'cookie')).answer, 'device');
      s.time.forward(MINUTE);
      for (const cookie of [session, `${session}; ${device}x`, `${session}; ${pairOf(stranger)}`])
        refused(await byCookie(s, cookie, 'node'), 401, 'refresh_invalid');
      const next = await byCookie(s, `${session}; ${device}`, 'node');
      ok(next, 200);
      ok(await byCookie(s, pairOf(cookieOf(next)), CHROME), 200);
    }));

  test('an iPad whose window is made small, and one that was small, is the same client', () =>
    withScene(async (s) => {
      for (const [before, after] of [
        [DESKTOP_IPAD, SMALL_IPAD],
        [SMALL_IPAD, DESKTOP_IPAD],
      ] as const) {
        const { answer } = await signedInBy(s, before, 'cookie');
        s.time.forward(MINUTE);
        const next = await byCookie(s, pairOf(cookieOf(answer)), after);
        const { refreshedBy, events } = await noted(s, ok<SignedInBody>(next, 200));
        assert.deepEqual([refreshedBy, events], [undefined, []]);
      }
    }));

  test('a cookie in a browser of another make or system is refused, and nothing changes', () =>
    withScene(async (s) => {
      const { answer } = await signedInBy(s, CHROME, 'cookie');
      const [session, device] = [pairOf(cookieOf(answer)), pairOf(cookieOf(answer, 'device'))];
      for (const userAgent of [FIREFOX, EDGE, CHROME_ON_LINUX, SMALL_IPAD]) {
        const refusal = await byCookie(s, `${session}; ${device}`, userAgent);
        refused(refusal, 401, 'refresh_invalid');
        assert.equal(refusal.headers['set-cookie'], undefined);
      }
      ok(await byCookie(s, session, CHROME.replace('140.0', '151.0')), 200);
    }));

  test('the predecessor in a cookie of another browser ends the session', () =>
    withScene(async (s) => {
      for (const wait of [SECOND, 60 * SECOND]) {
        const { person, answer } = await signedInBy(s, CHROME, 'cookie');
        const first = pairOf(cookieOf(answer));
        const { accessToken: token } = ok<SignedInBody>(await byCookie(s, first, CHROME), 200);
        s.time.forward(wait);
        refused(await byCookie(s, first, FIREFOX), 401, 'refresh_invalid');
        refused(await s.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
        assert.match((await s.mailsTo(person.email))[0]?.subject ?? '', /session/);
      }
    }));

  test('REFRESH_BINDING=off takes a cookie from any client, and notes it', () =>
    withScene(
      async (s) => {
        const { answer } = await signedInBy(s, CHROME, 'cookie');
        const next = await byCookie(s, pairOf(cookieOf(answer)), FIREFOX);
        const { refreshedBy, events } = await noted(s, ok<SignedInBody>(next, 200));
        assert.deepEqual(refreshedBy, { browser: 'Firefox', os: 'Linux', kind: 'desktop' });
        assert.equal(events.length, 1);
      },
      { env: { REFRESH_BINDING: 'off' } },
    ));
});
