import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOUR, MINUTE, SECOND } from '../src/platform/clock.ts';
import { codeIn, ok, type Person, type SignedInBody } from './client.ts';
import { makeEvent, makeUser } from './fixtures.ts';
import { cookieOf, refused, SAME_ORIGIN, type Scene, somebody, withScene } from './scenario.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

const send = ({ client }: Scene, body: object) => client.send('POST', '/auth/login', { body });

/** Somebody whose record is in a state that no route of this version makes. */
async function insertUser(s: Scene, person: Person, fields: Partial<ReturnType<typeof makeUser>>): Promise<string> {
  const user = makeUser({
    email: person.email,
    emailNorm: person.email,
    username: null,
    usernameKey: null,
    passwordHash: await s.app.hasher.hash(person.password),
    mustChangePassword: false,
    sessionEpoch: 0,
    keptSessionId: null,
    emailChange: null,
    ...fields,
  });
  assert.equal(await s.app.storage.users.insert(user, makeEvent(`user:${user.id}`, { pending: false })), 'ok');
  return user.id;
}

describe('POST /auth/login', () => {
  test('takes e-mail or username, under each of its names, in any case', () =>
    withScene(async (s) => {
      const person = somebody({ username: 'Ann.Able' });
      await s.client.register(person);
      const { password } = person;
      const bodies = [
        { login: person.email, password },
        { login: ` ${person.email.toUpperCase()} `, password },
        { login: 'ann.able', password },
        { login: 'ANN.ABLE', password },
        { email: person.email, password },
        { username: 'Ann.Able', password },
      ];
      for (const body of bodies) {
        const signedIn = ok<SignedInBody>(await send(s, { ...body, tokenTransport: 'body' }), 200);
        assert.equal(signedIn.user.email, person.email);
      }
    }));

  test('takes exactly one of these names: none and several are refused, and it says why', () =>
    withScene(async (s) => {
      const person = somebody();
      const { email, username, password } = person;
      await s.client.register(person);
      const beside = 'This stands in place of login, not beside it.';
      const cases: [object, { path: string; message: string }[]][] = [
        [{}, [{ path: '/login', message: 'This field is required, or email or username in its place.' }]],
        [{ login: email, email }, [{ path: '/email', message: beside }]],
        [{ login: email, username }, [{ path: '/username', message: beside }]],
        [{ email, username }, [{ path: '/username', message: 'This stands in place of email, not beside it.' }]],
        [
          { login: email, email, username },
          [
            { path: '/email', message: beside },
            { path: '/username', message: beside },
          ],
        ],
      ];
      for (const [names, errors] of cases) {
        const answer = await send(s, { ...names, password });
        refused(answer, 400, 'validation_failed');
        assert.deepEqual(
          answer.json().errors,
          errors.map((fault) => ({ in: 'body', ...fault })),
        );
      }
    }));

  test('by body: the whole answer, and no cookie', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      const answer = await send(s, { login: person.email, password: person.password, tokenTransport: 'body' });
      const signedIn = ok<SignedInBody & { tokenType: string }>(answer, 200);
      assert.deepEqual(Object.keys(signedIn).sort(), [
        'accessToken',
        'deviceToken',
        'expiresIn',
        'refreshToken',
        'session',
        'tokenType',
        'user',
      ]);
      assert.equal(signedIn.tokenType, 'Bearer');
      assert.equal(signedIn.expiresIn, 900);
      assert.deepEqual(Object.keys(signedIn.session).sort(), ['expiresAt', 'id']);
      assert.equal(answer.headers['set-cookie'], undefined);
      assert.equal(answer.headers['cache-control'], 'no-store');
    }));

  test('by cookie, the default: no refresh token in the body; plain http://localhost has no prefix and no Secure', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      for (const tokenTransport of [undefined, 'cookie']) {
        const answer = await send(s, { login: person.email, password: person.password, tokenTransport });
        assert.equal(ok<SignedInBody>(answer, 200).refreshToken, undefined);
        const { name, value, attributes } = cookieOf(answer);
        assert.equal(name, 'ostiary');
        assert.ok(value.length > 40);
        for (const attribute of ['httponly', 'samesite=strict', 'path=/']) assert.ok(attributes.includes(attribute));
        assert.ok(!attributes.includes('secure'));
        assert.ok(!attributes.some((attribute) => attribute.startsWith('domain')));
      }
    }));

  test('with an https PUBLIC_URL the cookie is __Host- and Secure', () =>
    withScene(
      async (s) => {
        const person = somebody();
        await s.client.register(person);
        const { name, attributes } = cookieOf(await send(s, { login: person.email, password: person.password }));
        assert.equal(name, '__Host-ostiary');
        for (const attribute of ['httponly', 'samesite=strict', 'path=/', 'secure']) {
          assert.ok(attributes.includes(attribute), attributes.join('; '));
        }
        assert.ok(!attributes.some((attribute) => attribute.startsWith('domain')));
      },
      { env: { PUBLIC_URL: 'https://accounts.example.com' } },
    ));

  test('by form: always in the body, no cookie', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      for (const username of [person.email, person.username]) {
        const body = form({ username, password: person.password });
        const answer = await s.client.send('POST', '/auth/login', { body, headers: FORM });
        assert.ok(ok<SignedInBody>(answer, 200).refreshToken);
        assert.equal(answer.headers['set-cookie'], undefined);
      }
      const wrong = form({ username: person.email, password: 'not the password' });
      refused(await s.client.send('POST', '/auth/login', { body: wrong, headers: FORM }), 401, 'invalid_credentials');
      const without = form({ username: person.email });
      refused(await s.client.send('POST', '/auth/login', { body: without, headers: FORM }), 400, 'validation_failed');
    }));

  test('invalid_credentials alike for unknown, wrong, unverified, disabled and deleted', () =>
    withScene(async (s) => {
      const known = somebody();
      await s.client.register(known);
      const disabled = somebody();
      await insertUser(s, disabled, { status: 'disabled' });
      const deleted = somebody();
      await insertUser(s, deleted, { status: 'deleted' });
      const unable = somebody();
      await insertUser(s, unable, { passwordHash: null });
      const waiting = somebody();
      ok(await s.client.send('POST', '/auth/register', { body: waiting }), 202);
      const answers = [];
      for (const [login, password] of [
        [known.email, 'not the password'],
        ['nobody@example.com', known.password],
        ['nobody', known.password],
        ['', known.password],
        [waiting.email, waiting.password],
        [disabled.email, disabled.password],
        [deleted.email, deleted.password],
        [unable.email, unable.password],
        [known.email, ''],
        [known.email, 'x'.repeat(1024)],
      ] as const) {
        const answer = await send(s, { login, password });
        if ((login === '' || password === '') && answer.statusCode === 400) continue;
        answers.push({ ...refused(answer, 401, 'invalid_credentials'), requestId: null });
      }
      assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
    }));

  test('refuses what does not fit its schema', () =>
    withScene(async (s) => {
      const { email, password } = somebody();
      const bad = [
        {},
        { login: email },
        { password },
        { login: [email], password },
        { login: email, password: [password] },
        { login: email, password: 12345678 },
        { login: email, password, tokenTransport: 'header' },
        { login: email, password, remember: true },
        { login: null, password },
      ];
      for (const body of bad) refused(await send(s, body), 400, 'validation_failed');
      refused(
        await s.client.send('POST', '/auth/login', { body: '{', headers: { 'content-type': 'application/json' } }),
        400,
        'malformed_body',
      );
      refused(
        await s.client.send('POST', '/auth/login', { body: '<login/>', headers: { 'content-type': 'text/xml' } }),
        415,
        'unsupported_media_type',
      );
    }));

  test('notes the last login', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      s.time.forward(MINUTE);
      const { accessToken: token } = await s.client.login(person);
      await s.work();
      const me = ok<{ lastLoginAt: string }>(await s.client.send('GET', '/users/me', { token }), 200);
      assert.equal(me.lastLoginAt, s.time.now.toISOString());
    }));

  test('SESSION_LIMIT ends the one that was used least lately, and tells its owner why', () =>
    withScene(
      async (s) => {
        const person = somebody();
        let phone = await s.client.register(person);
        const [desk, laptop] = [await s.client.login(person), await s.client.login(person)];
        const logIns = [];
        for (let i = 0; i < 3; i++) {
          s.time.forward(HOUR);
          const body = { refreshToken: phone.refreshToken };
          phone = ok<SignedInBody>(await s.client.send('POST', '/auth/refresh', { body }), 200);
          s.time.forward(MINUTE);
          logIns.push(await s.client.login(person));
        }
        const alive = async ({ accessToken: token }: SignedInBody) =>
          (await s.client.send('GET', '/users/me', { token })).statusCode === 200;
        assert.equal(await alive(phone), true);
        const isOpen = async ({ refreshToken }: SignedInBody) =>
          (await s.client.send('POST', '/auth/refresh', { body: { refreshToken } })).statusCode === 200;
        const open = [];
        for (const session of [desk, laptop, ...logIns]) open.push(await isOpen(session));
        assert.deepEqual(open, [false, false, false, true, true]);
        const { items } = ok<{ items: { type: string; reason?: string }[] }>(
          await s.client.send('GET', '/users/me/events?pageSize=100', { token: phone.accessToken }),
          200,
        );
        const ended = items.filter(({ type }) => type === 'session.ended');
        assert.deepEqual(
          ended.map(({ reason }) => reason),
          ['session_limit', 'session_limit', 'session_limit'],
        );
        assert.ok(items.filter(({ type }) => type === 'session.started').every(({ reason }) => reason === undefined));
      },
      { env: { SESSION_LIMIT: '3' } },
    ));

  test('SESSION_LIMIT spares a session whose access token is in use, though it has not refreshed for long', () =>
    withScene(
      async (s) => {
        const person = somebody();
        const busy = await s.client.register(person);
        s.time.forward(SECOND);
        const idle = await s.client.login(person);
        s.time.forward(MINUTE);
        ok(await s.client.send('GET', '/users/me', { token: busy.accessToken }), 200);
        await s.client.login(person);
        ok(await s.client.send('GET', '/users/me', { token: busy.accessToken }), 200);
        refused(await s.client.send('GET', '/users/me', { token: idle.accessToken }), 401, 'unauthenticated');
      },
      { env: { SESSION_LIMIT: '2' } },
    ));

  test('SESSION_LIMIT of sessions that nobody used ends the oldest', () =>
    withScene(
      async (s) => {
        const person = somebody();
        const sessions = [await s.client.register(person)];
        for (let count = 1; count < 5; count++) {
          s.time.forward(SECOND);
          sessions.push(await s.client.login(person));
        }
        const alive = [];
        for (const { accessToken: token } of sessions) {
          alive.push((await s.client.send('GET', '/users/me', { token })).statusCode);
        }
        assert.deepEqual(alive, [401, 401, 200, 200, 200]);
        refused(
          await s.client.send('POST', '/auth/refresh', { body: { refreshToken: sessions[0]?.refreshToken } }),
          401,
          'refresh_invalid',
        );
      },
      { env: { SESSION_LIMIT: '3' } },
    ));
});

describe('steps of a sign-in', () => {
  const step = async (s: Scene, person: Person) => {
    const body = { login: person.email, password: person.password, tokenTransport: 'body' };
    const { step, flowToken } = refused(await send(s, body), 403, 'step_required');
    assert.ok(flowToken);
    return { step, flowToken };
  };
  const complete = ({ client }: Scene, body: object) => client.send('POST', '/auth/complete-step', { body });

  test('change_password: only after the right password; once it is changed, signed in', () =>
    withScene(async (s) => {
      const person = somebody();
      await insertUser(s, person, { mustChangePassword: true });
      refused(await send(s, { login: person.email, password: 'not the password' }), 401, 'invalid_credentials');
      const { step: name, flowToken } = await step(s, person);
      assert.equal(name, 'change_password');
      refused(await s.client.send('GET', '/users/me', { token: flowToken }), 401, 'unauthenticated');
      const refusals: [string, string][] = [
        ['short', 'password_too_short'],
        ['password123', 'password_common'],
        ['x'.repeat(1025), 'password_too_long'],
      ];
      for (const [newPassword, code] of refusals) refused(await complete(s, { flowToken, newPassword }), 400, code);
      assert.equal((await complete(s, { flowToken, newPassword: person.password })).statusCode, 400);

      const newPassword = 'feeds the cat at eight';
      const answer = await complete(s, { flowToken, newPassword, tokenTransport: 'body' });
      const signedIn = ok<SignedInBody>(answer, 200);
      assert.ok(signedIn.refreshToken);
      ok(await s.client.send('GET', '/users/me', { token: signedIn.accessToken }), 200);
      refused(await send(s, { login: person.email, password: person.password }), 401, 'invalid_credentials');
      await s.client.login({ ...person, password: newPassword });
    }));

  test('change_password: the flow token serves once, dies with a change of the password, and expires', () =>
    withScene(async (s) => {
      const person = somebody();
      await insertUser(s, person, { mustChangePassword: true });
      const one = await step(s, person);
      const other = await step(s, person);
      ok(await complete(s, { flowToken: one.flowToken, newPassword: 'feeds the cat at eight' }), 200);
      for (const { flowToken } of [one, other]) {
        const answer = await complete(s, { flowToken, newPassword: 'paints the fence at nine' });
        refused(answer, 400, 'token_invalid');
      }
      await s.client.login({ ...person, password: 'feeds the cat at eight' });

      const slow = somebody();
      await insertUser(s, slow, { mustChangePassword: true });
      const late = await step(s, slow);
      s.time.forward(60 * MINUTE);
      const answer = await complete(s, { flowToken: late.flowToken, newPassword: 'feeds the cat at eight' });
      refused(answer, 400, 'token_invalid');
    }));

  test('verify_email: a code is mailed; with it, verified and signed in; once', () =>
    withScene(async (s) => {
      const person = somebody();
      await insertUser(s, person, { emailVerified: false });
      const { step: name, flowToken } = await step(s, person);
      assert.equal(name, 'verify_email');
      const code = codeIn((await s.mailsTo(person.email))[0]?.text);
      const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
      refused(await complete(s, { flowToken, code: wrong }), 400, 'code_invalid');
      const signedIn = ok<SignedInBody>(await complete(s, { flowToken, code, tokenTransport: 'body' }), 200);
      assert.equal(signedIn.user.emailVerified, true);
      const again = await complete(s, { flowToken, code });
      assert.equal(again.statusCode, 400, again.body);
      await s.client.login(person);
    }));

  test('verify_email: five tries, then not even the right code', () =>
    withScene(async (s) => {
      const person = somebody();
      await insertUser(s, person, { emailVerified: false });
      const { flowToken } = await step(s, person);
      const code = codeIn((await s.mailsTo(person.email))[0]?.text);
      const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
      for (let tries = 0; tries < 5; tries++) {
        refused(await complete(s, { flowToken, code: wrong }), 400, 'code_invalid');
      }
      refused(await complete(s, { flowToken, code }), 400, 'code_invalid');
    }));

  test('both: one step after the other', () =>
    withScene(async (s) => {
      const person = somebody();
      await insertUser(s, person, { emailVerified: false, mustChangePassword: true });
      const newPassword = 'feeds the cat at eight';
      let { step: name, flowToken } = await step(s, person);
      const seen = [name];
      const answerTo = async (asked: string | undefined) =>
        asked === 'verify_email' ? { code: codeIn((await s.mailsTo(person.email))[0]?.text) } : { newPassword };
      const between = await complete(s, { flowToken, ...(await answerTo(name)), tokenTransport: 'body' });
      const next = refused(between, 403, 'step_required');
      name = next.step;
      seen.push(name);
      flowToken = next.flowToken ?? '';
      ok(await complete(s, { flowToken, ...(await answerTo(name)), tokenTransport: 'body' }), 200);
      assert.deepEqual(seen.sort(), ['change_password', 'verify_email']);
      await s.client.login({ ...person, password: newPassword });
    }));

  test('garbage and the answer to another step are refused', () =>
    withScene(async (s) => {
      const person = somebody();
      await insertUser(s, person, { mustChangePassword: true });
      const { flowToken } = await step(s, person);
      const newPassword = 'feeds the cat at eight';
      for (const bad of ['', 'x', 'a.b.c', `${flowToken}x`, flowToken.slice(0, -1), flowToken.replace(/^./, '_')]) {
        const answer = await complete(s, { flowToken: bad, newPassword });
        assert.equal(answer.statusCode, 400, `${bad}: ${answer.body}`);
      }
      assert.equal((await complete(s, { flowToken, code: '123456' })).statusCode, 400);
      assert.equal((await complete(s, { flowToken })).statusCode, 400);
      ok(await complete(s, { flowToken, newPassword }), 200);
    }));
});

const PRODUCTION = {
  ENVIRONMENT: 'production',
  PUBLIC_URL: 'https://accounts.example.com',
  SECRET_KEY: 'q8Jx1sV0mYb3Zt7uHn5dKw2RfLc9PgEa4TiXoNlQ6v0=',
  SMTP_URL: 'smtp://user:long-enough-password@mail.example.com:587',
  MAIL_FROM: 'Accounts <no-reply@example.com>',
};

describe('POST /auth/token', () => {
  const grant = (s: Scene, fields: Record<string, string>) =>
    s.client.send('POST', '/auth/token', { body: form(fields), headers: FORM });

  test('the OAuth2 password form (RFC 6749) in development', () =>
    withScene(
      async (s) => {
        const person = somebody();
        await s.client.register(person);
        const { email: username, password } = person;
        const answer = await grant(s, { grant_type: 'password', username, password });
        const token = ok<{ access_token: string; token_type: string; expires_in: number }>(answer, 200);
        assert.deepEqual(Object.keys(token).sort(), ['access_token', 'expires_in', 'token_type']);
        assert.match(token.token_type, /^bearer$/i);
        assert.equal(token.expires_in, 900);
        assert.equal(answer.headers['set-cookie'], undefined);
        ok(await s.client.send('GET', '/users/me', { token: token.access_token }), 200);
        const wrong = await grant(s, { grant_type: 'password', username, password: 'not the password' });
        refused(wrong, 401, 'invalid_credentials');
      },
      { env: { ENVIRONMENT: 'development' } },
    ));

  test('does not exist in production', () =>
    withScene(
      async (s) => {
        const { email: username, password } = somebody();
        refused(await grant(s, { grant_type: 'password', username, password }), 404, 'not_found');
      },
      { env: PRODUCTION },
    ));
});

describe('limits of credential routes', () => {
  const env = { RATE_LIMITS: 'on' };

  test('login: 5 a minute for an account and client, then 429 that does not show the counter', () =>
    withScene(
      async (s) => {
        const person = somebody();
        const { deviceToken } = await s.client.register(person);
        const shown: string[] = [];
        const visible = (headers: Record<string, unknown>) =>
          Object.keys(headers)
            .filter((name) => /^(x-)?ratelimit/.test(name))
            .sort();
        for (let tries = 0; tries < 5; tries++) {
          const answer = await send(s, { login: person.email, password: 'not the password' });
          refused(answer, 401, 'invalid_credentials');
          shown.push(String(answer.headers['x-ratelimit-remaining']));
        }
        const right = await send(s, { login: person.email.toUpperCase(), password: person.password });
        refused(right, 429, 'rate_limited');
        const other = await send(s, { login: 'nobody@example.com', password: 'not the password' });
        refused(other, 401, 'invalid_credentials');
        assert.deepEqual(visible(right.headers), visible(other.headers));
        // The client's own counter goes on: it knows nothing of the account's.
        const left = Number(right.headers['x-ratelimit-remaining'] ?? 'NaN');
        if (!Number.isNaN(left)) assert.ok(left > 0, `${shown} then ${left}`);
        const elsewhere = await s.app.http.inject({
          method: 'POST',
          url: '/api/v1/auth/login',
          remoteAddress: '203.0.113.77',
          payload: { login: person.email, password: person.password, deviceToken },
        });
        assert.equal(elsewhere.statusCode, 200, 'nobody can be locked out of a device that they use');
      },
      { env },
    ));

  test('unknown accounts are limited alike', () =>
    withScene(
      async (s) => {
        const statuses = [];
        for (let tries = 0; tries < 6; tries++) {
          statuses.push((await send(s, { login: 'nobody@example.com', password: 'x'.repeat(9) })).statusCode);
        }
        assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429]);
      },
      { env },
    ));

  test('a spoofed X-Forwarded-For gains nothing', () =>
    withScene(
      async (s) => {
        const statuses = [];
        for (let tries = 0; tries < 6; tries++) {
          const headers = { 'x-forwarded-for': `198.51.100.${tries}` };
          const body = { login: 'nobody@example.com', password: 'not the password' };
          statuses.push((await s.client.send('POST', '/auth/login', { body, headers })).statusCode);
        }
        assert.equal(statuses.at(-1), 429);
      },
      { env },
    ));

  test('refresh without a genuine token: 600 a minute for a client, with the header fields of both drafts', () =>
    withScene(
      async (s) => {
        const body = { refreshToken: 'x' };
        for (let count = 1; count <= 600; count++) {
          const { headers, statusCode } = await s.client.send('POST', '/auth/refresh', { body });
          assert.equal(statusCode, 401);
          assert.equal(headers['x-ratelimit-limit'], '600');
          assert.equal(headers['x-ratelimit-remaining'], String(600 - count));
          assert.match(String(headers['x-ratelimit-reset']), /^\d{10}$/);
          assert.match(String(headers['ratelimit-policy']), /^"[^"]+";q=600;w=60$/);
          assert.match(String(headers.ratelimit), new RegExp(`^"[^"]+";r=${600 - count};t=\\d+$`));
        }
        const answer = await s.client.send('POST', '/auth/refresh', { body });
        refused(answer, 429, 'rate_limited');
        assert.equal(answer.headers['x-ratelimit-remaining'], '0');
        assert.ok(Number(answer.headers['retry-after']) <= 60);
      },
      { env },
    ));

  test('logout: 20 a minute; other routes the default', () =>
    withScene(
      async (s) => {
        const logout = await s.client.send('POST', '/auth/logout', { headers: SAME_ORIGIN });
        assert.equal(logout.headers['x-ratelimit-limit'], '20');
        const me = await s.client.send('GET', '/users/me');
        assert.equal(me.headers['x-ratelimit-limit'], '100');
        const health = await s.client.send('GET', '/api/../health');
        assert.equal(health.headers['x-ratelimit-limit'] ?? '100', '100');
      },
      { env },
    ));

  test('register, reset, change of password and reauthentication are limited for an account, too', () =>
    withScene(
      async (s) => {
        const routes: [string, (email: string, password: string) => object, boolean][] = [
          ['/auth/request-password-reset', (email) => ({ email }), false],
          ['/auth/reauthenticate', () => ({ password: 'not the password' }), true],
          ['/auth/change-password', () => ({ currentPassword: 'wrong', newPassword: 'feeds the cat at 8' }), true],
          ['/auth/register', (email, password) => ({ email, password }), false],
        ];
        for (const [path, bodyFor, signedIn] of routes) {
          const person = somebody();
          const { accessToken } = await s.client.register(person);
          const statuses = [];
          for (let tries = 0; tries < 6; tries++) {
            const body = bodyFor(person.email, person.password);
            const options = signedIn ? { body, token: accessToken } : { body };
            statuses.push((await s.client.send('POST', path, options)).statusCode);
          }
          assert.equal(statuses.at(-1), 429, `${path}: ${statuses}`);
          assert.ok(!statuses.slice(0, 4).includes(429), `${path}: ${statuses}`);
        }
      },
      { env },
    ));
});
