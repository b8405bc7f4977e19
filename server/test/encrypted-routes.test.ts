import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AdminUser, admin, readUser, withWorld } from './administration.ts';
import { openTestApp } from './app.ts';
import { codeIn, ok, type SignedInBody, tokenIn } from './client.ts';
import { encrypt, encryptBody, publicKeys } from './encryption.ts';
import type { World } from './matrix/world.ts';
import { writtenOut } from './openapi-document.ts';
import { refused, type Scene, somebody, withScene } from './scenario.ts';
import { everything, rowCounts, withWatchedScene } from './watched-app.ts';

const NEW = 'feeds the cat at eight';
const TEMPORARY = 'a password for one day';

/** Sends a body whose passwords are all encrypted. */
async function send(s: Scene, path: string, body: object, token?: string) {
  return s.client.send('POST', path, { body: await encryptBody(s, body), ...(token && { token }) });
}

const logIn = (s: Scene, login: string, password: string) =>
  s.client.send('POST', '/auth/login', { body: { login, password, tokenTransport: 'body' } });

const logInWith = (s: Scene, login: string, encryptedPassword: string) =>
  s.client.send('POST', '/auth/login', { body: { login, encryptedPassword, tokenTransport: 'body' } });

/** Somebody's sign-in that waits for a password of their own. */
async function waitingStep(w: World): Promise<{ flowToken?: string }> {
  const { email } = somebody();
  ok(await admin(w, 'POST', '/users', { email, emailVerified: true, temporaryPassword: TEMPORARY }), 201);
  return refused(await logIn(w, email, TEMPORARY), 403, 'step_required');
}

/** `POST /path`: the fields of its JSON body that hold passwords, plain and encrypted. */
function documented(api: OpenApi): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, { requestBody }] of Object.entries(methods)) {
      const schema = JSON.stringify(writtenOut(api, requestBody?.content['application/json'] ?? {}));
      const names = new Set(Array.from(schema.matchAll(/"(\w*password)":\{/gi), ([, name = '']) => name));
      if (names.size > 0) found[`${method} ${path.replace('/api/v1', '')}`] = [...names].sort();
    }
  }
  return found;
}

interface OpenApi {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, unknown> } }>>;
}

const passwordsOf = (routes: Record<string, { passwords: string[] }>) =>
  Object.fromEntries(
    Object.entries(routes).map(([path, { passwords }]) => {
      const encrypted = passwords.map((name) => `encrypted${name.slice(0, 1).toUpperCase()}${name.slice(1)}`);
      return [`post ${path}`, [...passwords, ...encrypted].sort()];
    }),
  );

describe('GET /auth/keys/public', () => {
  test('is one RSA key of 3072 bits, its public half alone, and a new nonce each time; it is not cached', () =>
    withScene(async (s) => {
      const answer = await s.client.send('GET', '/auth/keys/public');
      assert.equal(answer.headers['cache-control'], 'no-store');
      const first = ok<Awaited<ReturnType<typeof publicKeys>>>(answer, 200);
      const second = await publicKeys(s);
      assert.deepEqual(first.keys, second.keys);
      assert.notEqual(first.nonce, second.nonce);
      assert.equal(first.expiresIn, 300);
      const [key] = first.keys;
      assert.deepEqual(Object.keys(key ?? {}).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use']);
      assert.equal(Buffer.from(key?.n ?? '', 'base64url').length * 8, 3072);
    }));

  test('its key is not among those that verify tokens, also after a restart', () =>
    withScene(async (s) => {
      const [key] = (await publicKeys(s)).keys;
      const restarted = await openTestApp({ databaseUrl: s.databaseUrl, time: s.time });
      try {
        for (const { http } of [s.app, restarted.app]) {
          const jwks = (await http.inject('/.well-known/jwks.json')).json<{ keys: { kid: string; alg: string }[] }>();
          assert.ok(jwks.keys.length > 0 && jwks.keys.every(({ alg }) => alg === 'EdDSA'), JSON.stringify(jwks));
          assert.ok(!jwks.keys.some(({ kid }) => kid === key?.kid));
        }
      } finally {
        await restarted.close();
      }
    }));

  test('writes nothing, once there is a key', () =>
    withWatchedScene(async (s) => {
      await publicKeys(s);
      const before = await rowCounts(s.database);
      for (let i = 0; i < 20; i++) await publicKeys(s);
      assert.deepEqual(await rowCounts(s.database), before);
    }));
});

describe('each route that takes a password takes it encrypted', () => {
  test('register, login, reauthenticate, change-password', () =>
    withScene(async (s) => {
      const person = somebody();
      const asked = await send(s, '/auth/register', person);
      const { registrationId } = ok<{ registrationId: string }>(asked, 202);
      const code = codeIn((await s.mailsTo(person.email))[0]?.text);
      ok(await s.client.send('POST', '/auth/verify-email', { body: { registrationId, code } }), 200);

      const { email, password } = person;
      const signedIn = await send(s, '/auth/login', { login: email, password, tokenTransport: 'body' });
      const { accessToken: token } = ok<SignedInBody>(signedIn, 200);
      ok(await send(s, '/auth/reauthenticate', { password }, token), 200);
      refused(await send(s, '/auth/reauthenticate', { password: NEW }, token), 401, 'invalid_credentials');
      ok(await send(s, '/auth/change-password', { currentPassword: password, newPassword: NEW }, token), 204);
      ok(await logIn(s, email, NEW), 200);

      // One of the two may be plain.
      const half = await encryptBody(s, { currentPassword: NEW });
      const body = { ...half, newPassword: password };
      ok(await s.client.send('POST', '/auth/change-password', { token, body }), 204);
      ok(await logIn(s, email, password), 200);
    }));

  test('reset-password', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email: person.email } }), 202);
      const token = tokenIn((await s.mailsTo(person.email)).find(({ text }) => text.includes('#token='))?.text);
      ok(await send(s, '/auth/reset-password', { token, newPassword: NEW }), 204);
      ok(await logIn(s, person.email, NEW), 200);
    }));

  test('setup', () =>
    withScene(async (s) => {
      const body = { token: await s.app.setup.offer(), email: 'root@example.com', password: NEW };
      const used = await encryptBody(s, { login: 'nobody', password: NEW });
      refused(await s.client.send('POST', '/auth/login', { body: used }), 401, 'invalid_credentials');
      const { password: _, ...rest } = body;
      const replayed = { ...rest, encryptedPassword: used.encryptedPassword };
      refused(await s.client.send('POST', '/setup', { body: replayed }), 400, 'nonce_invalid');
      ok(await send(s, '/setup', body), 201);
      ok(await logIn(s, 'root@example.com', NEW), 200);
    }));

  test('accept-invitation', () =>
    withWorld(async (w) => {
      const { email } = somebody();
      ok(await admin(w, 'POST', '/users', { email }), 201);
      const token = tokenIn((await w.mailsTo(email))[0]?.text);
      ok(await send(w, '/auth/accept-invitation', { token, password: NEW, tokenTransport: 'body' }), 200);
      ok(await logIn(w, email, NEW), 200);
    }));

  test('admin: create, temporary-password; then complete-step', () =>
    withWorld(async (w) => {
      const { email } = somebody();
      const body = { email, emailVerified: true, temporaryPassword: TEMPORARY };
      const made = ok<AdminUser>(await send(w, '/admin/users', body, w.root), 201);
      const created = await readUser(w, made.id);
      assert.deepEqual([created.hasPassword, created.mustChangePassword], [true, true]);

      const path = `/admin/users/${made.id}/temporary-password`;
      ok(await send(w, path, { temporaryPassword: `${TEMPORARY} more` }, w.root), 204);
      refused(await logIn(w, email, TEMPORARY), 401, 'invalid_credentials');
      const { flowToken } = refused(await logIn(w, email, `${TEMPORARY} more`), 403, 'step_required');
      ok(await send(w, '/auth/complete-step', { flowToken, newPassword: NEW, tokenTransport: 'body' }), 200);
      ok(await logIn(w, email, NEW), 200);
    }));

  test('these are all, as the API is documented, and none takes what was used or does not open', () =>
    withWorld(
      async (w) => {
        const { email } = somebody();
        ok(await admin(w, 'POST', '/users', { email }), 201);
        const invitation = tokenIn((await w.mailsTo(email))[0]?.text);
        const person = somebody();
        const { user } = await w.client.register(person);
        ok(await w.client.send('POST', '/auth/request-password-reset', { body: { email: person.email } }), 202);
        const token = tokenIn((await w.mailsTo(person.email)).find(({ text }) => text.includes('#token='))?.text);
        const { flowToken } = await waitingStep(w);
        /** Beside the passwords, what each takes. */
        const routes: Record<string, { passwords: string[]; rest: object }> = {
          '/auth/accept-invitation': { passwords: ['password'], rest: { token: invitation } },
          '/auth/change-password': { passwords: ['currentPassword', 'newPassword'], rest: {} },
          '/auth/complete-step': { passwords: ['newPassword'], rest: { flowToken } },
          '/auth/login': { passwords: ['password'], rest: { login: person.email } },
          '/auth/reauthenticate': { passwords: ['password'], rest: {} },
          '/auth/register': { passwords: ['password'], rest: { email: somebody().email } },
          '/auth/reset-password': { passwords: ['newPassword'], rest: { token } },
          '/setup': { passwords: ['password'], rest: { token: 'x'.repeat(64), email: 'root@example.com' } },
          '/admin/users': { passwords: ['temporaryPassword'], rest: { email: somebody().email } },
          '/admin/users/{id}/temporary-password': { passwords: ['temporaryPassword'], rest: {} },
        };
        assert.deepEqual(documented((await w.app.http.inject('/openapi.json')).json()), passwordsOf(routes));

        const used = await publicKeys(w);
        ok(await logInWith(w, person.email, await encrypt(person.password, used)), 200);
        for (const [path, { passwords, rest }] of Object.entries(routes)) {
          // There is an administrator already; the test of it is above.
          if (path === '/setup') continue;
          const ask = async (jwe: string) => {
            const fields = passwords.map((name) => [`encrypted${name.slice(0, 1).toUpperCase()}${name.slice(1)}`, jwe]);
            const body = { ...rest, ...Object.fromEntries(fields) };
            return w.client.send('POST', path.replace('{id}', user.id), { token: w.root, body });
          };
          assert.equal((await ask(await encrypt(NEW, used))).json().code, 'nonce_invalid', path);
          const spoilt = `${(await encrypt(NEW, await publicKeys(w))).slice(0, -22)}${'A'.repeat(22)}`;
          assert.equal((await ask(spoilt)).json().code, 'encrypted_invalid', path);
          assert.equal((await ask('x')).json().code, 'encrypted_invalid', path);
        }
      },
      { env: { DOCS: 'on' } },
    ));

  test('a form does not, and an unknown field is refused as ever', () =>
    withScene(async (s) => {
      const encryptedPassword = await encrypt(NEW, await publicKeys(s));
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const body = new URLSearchParams({ username: 'nobody', encryptedPassword }).toString();
      refused(await s.client.send('POST', '/auth/login', { body, headers }), 400, 'validation_failed');
      const strange = { login: 'nobody', encryptedpassword: encryptedPassword };
      refused(await s.client.send('POST', '/auth/login', { body: strange }), 400, 'validation_failed');
    }));
});

describe('a password that came encrypted', () => {
  /** Faults name the field that was sent; here by the name of the plain one. */
  const said = ({ statusCode, body }: { statusCode: number; body: string }) => {
    const { requestId: _, ...problem } = JSON.parse(
      body.replace(/"\/encrypted([A-Z])/g, (_match, first) => `"/${first.toLowerCase()}`),
    );
    return { statusCode, ...problem };
  };

  test('is judged as a plain one: same policy, same answers, same work', () =>
    withScene(async (s) => {
      const person = somebody();
      const { accessToken: token } = await s.client.register(person);
      const bad = ['short', 'password123', 'y'.repeat(1025), 'é'.repeat(8000), person.email, 'wrong password'];
      for (const password of bad) {
        for (const [path, body] of [
          ['/auth/login', { login: person.email, password }],
          ['/auth/login', { login: 'nobody', password }],
          ['/auth/register', { ...person, password }],
          ['/auth/change-password', { currentPassword: password, newPassword: NEW }],
          ['/auth/change-password', { currentPassword: person.password, newPassword: 'short' }],
          ['/auth/reset-password', { token: 'x'.repeat(64), newPassword: password }],
        ] as const) {
          const answers: object[] = [];
          for (const each of [body, await encryptBody(s, body)]) {
            const before = s.app.hasher.stats().hashes;
            const answer = await s.client.send('POST', path, { body: each, token });
            const shown = answer.statusCode >= 400 ? said(answer) : { statusCode: answer.statusCode };
            answers.push({ ...shown, hashes: s.app.hasher.stats().hashes - before });
          }
          assert.deepEqual(answers[1], answers[0], `${path} ${password.slice(0, 20)}`);
        }
      }
    }));

  test('keeps every character', () =>
    withScene(async (s) => {
      for (const password of ['\ufeffwith a mark at its start', 'nul \u0000 in it, 李 and 😀', ' spaces around it ']) {
        const person = somebody({ password });
        await s.client.register(person);
        const body = { login: person.email, password, tokenTransport: 'body' };
        ok(await send(s, '/auth/login', body), 200);
        const without = { ...body, password: password.replace('\ufeff', '').replace('\u0000', '').trim() };
        refused(await send(s, '/auth/login', without), 401, 'invalid_credentials');
      }
    }));

  test('stands in place of the plain one: neither and both are refused, and so is an empty one', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      const { email: login, password } = person;
      const pathsOf = async (body: object) => {
        const answer = await s.client.send('POST', '/auth/login', { body });
        return refused(answer, 400, 'validation_failed').errors?.map(({ path }) => path);
      };
      const both = { ...(await encryptBody(s, { login, password })), password };
      assert.deepEqual(await pathsOf({ login }), ['/password']);
      assert.deepEqual(await pathsOf(both), ['/encryptedPassword']);
      assert.deepEqual(await pathsOf(await encryptBody(s, { login, password: '' })), ['/encryptedPassword']);
      // Nothing was used up by that: its fields are looked at before its nonce.
      const { password: _, ...one } = both;
      ok(await s.client.send('POST', '/auth/login', { body: one }), 200);

      const { accessToken: token } = await s.client.login(person);
      const answer = await s.client.send('POST', '/auth/change-password', { token, body: {} });
      const { errors } = refused(answer, 400, 'validation_failed');
      assert.deepEqual(
        errors?.map(({ path }) => path),
        ['/currentPassword', '/newPassword'],
      );
    }));

  test('is counted by the limits like any other', () =>
    withScene(
      async (s) => {
        const { email, username } = somebody();
        const tryAs = async (login: string) => {
          const encryptedPassword = await encrypt(NEW, await publicKeys(s));
          return s.client.send('POST', '/auth/login', { body: { login, encryptedPassword } });
        };
        for (let i = 0; i < 4; i++) refused(await logIn(s, email, NEW), 401, 'invalid_credentials');
        refused(await tryAs(email), 401, 'invalid_credentials');
        refused(await tryAs(email), 429, 'rate_limited');
        refused(await logIn(s, email, NEW), 429, 'rate_limited');
        refused(await tryAs(username), 401, 'invalid_credentials');
      },
      { env: { RATE_LIMITS: 'on', RATE_LIMIT_DEFAULT: '1000/1m' } },
    ));

  test('is in no answer, no line of the log and no row; nor is what carried it', () =>
    withWatchedScene(async (s) => {
      const person = somebody({ password: 'Xk7-canary-one-at-home' });
      const canary = /Xk7-canary/;
      const carriers: string[] = [];
      const answers: string[] = [];
      const { accessToken: token } = await s.client.register(person);
      async function sendAll(path: string, plain: object): Promise<void> {
        const body = await encryptBody(s, plain);
        const spoilt = Object.entries(body).map(([name, value]) => {
          if (!name.startsWith('encrypted')) return [name, value];
          carriers.push(String(value));
          return [name, `${String(value).slice(0, -1)}!`];
        });
        // In order: it does not open, it has one field too many, it works, it is used.
        for (const each of [Object.fromEntries(spoilt), { ...body, more: 1, ...plain }, body, body]) {
          const answer = await s.client.send('POST', path, { body: each, token });
          answers.push(answer.body, JSON.stringify(answer.headers));
        }
      }
      const { password } = person;
      await sendAll('/auth/login', { login: person.email, password });
      await sendAll('/auth/login', { login: person.email, password: 'Xk7-canary-two-at-home' });
      await sendAll('/auth/register', somebody({ password }));
      await sendAll('/auth/register', somebody({ password: 'Xk7-canary'.repeat(200) }));
      await sendAll('/auth/change-password', { currentPassword: password, newPassword: 'Xk7-canary-three-at-home' });
      await sendAll('/auth/reset-password', { token: 'x'.repeat(64), newPassword: password });
      await sendAll('/auth/complete-step', { flowToken: 'x'.repeat(64), newPassword: password });
      await s.work();
      const places = { log: s.log.join('\n'), answers: answers.join('\n') };
      const rows = JSON.stringify(await everything(s.database));
      for (const [place, text] of Object.entries({ ...places, rows })) {
        assert.ok(text.length > 1000, place);
        assert.doesNotMatch(text, canary, place);
        for (const carrier of carriers) {
          // Its header holds the nonce, whose id is stored; what matters is the rest.
          for (const part of carrier.split('.').slice(1)) assert.ok(!text.includes(part), place);
        }
      }
    }));
});
