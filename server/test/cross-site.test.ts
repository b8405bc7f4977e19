import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ok } from './client.ts';
import { cookieOf, refused, type Scene, somebody, withScene } from './scenario.ts';

const PUBLIC_URL = 'https://auth.example.com';
const HTTPS = { env: { PUBLIC_URL, CORS_ORIGINS: 'https://app.example.com' } };

/** Origins that are not ours, some of which look like it. */
const FOREIGN = [
  'null',
  'https://evil.example',
  'https://auth.example.com.evil.example',
  'https://auth.example.com@evil.example',
  'https://evil.example#https://auth.example.com',
  'https://evil.example/https://auth.example.com',
  'https://xauth.example.com',
  'https://sub.auth.example.com',
  'https://auth.example.com.',
  'https://auth.example.com:443',
  'https://auth.example.com:8443',
  'https://auth.example.com/',
  'https://AUTH.example.com',
  'http://auth.example.com',
  'https://auth.example.com, https://evil.example',
  'https://evil.example, https://auth.example.com',
  ' ',
  'file://',
];

/** What a page may send anywhere without asking (Fetch, "CORS-safelisted"): the three kinds of forms, and tricks on the type. */
const WITHOUT_ASKING: (string | null)[] = [
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain',
  'text/plain; charset=utf-8',
  'text/plain;application/json',
  'text/plain, application/json',
  'multipart/form-data; boundary=application/json',
  'application/x-www-form-urlencoded; x=application/json',
  '',
  null,
];

const FORM = 'application/x-www-form-urlencoded';
const POSTS = ['login', 'register', 'verify-email', 'complete-step', 'accept-invitation', 'reset-password'];
const COOKIE_POSTS = ['refresh', 'logout', 'logout-all'];

async function signedIn(s: Scene) {
  const person = somebody();
  await s.client.register(person);
  const body = { login: person.email, password: person.password };
  const answer = await s.client.send('POST', '/auth/login', { body });
  const { name, value } = cookieOf(answer);
  return { person, name, value, token: ok<{ accessToken: string }>(answer, 200).accessToken };
}

test('what a page of another site can post sets, takes and uses no cookie', () =>
  withScene(async (s) => {
    const { person, name, value, token } = await signedIn(s);
    const cookie = `${name}=${value}`;
    const json = JSON.stringify({ login: person.email, password: person.password });
    const form = new URLSearchParams({ username: person.email, password: person.password }).toString();
    for (const path of [...POSTS, ...COOKIE_POSTS]) {
      for (const type of WITHOUT_ASKING) {
        for (const body of [json, form, '']) {
          const headers: Record<string, string> = { origin: 'https://evil.example', cookie };
          headers['sec-fetch-site'] = 'cross-site';
          if (type !== null) headers['content-type'] = type;
          const answer = await s.client.send('POST', `/auth/${path}`, { body, headers });
          const what = `${path} ${type} ${body}: ${answer.statusCode}`;
          assert.equal(answer.headers['set-cookie'], undefined, what);
          assert.equal(answer.headers['access-control-allow-origin'], undefined, what);
          assert.ok(answer.statusCode >= 400, what);
        }
      }
    }
    ok(await s.client.send('GET', '/users/me', { token }), 200);
  }, HTTPS));

test('origins that are not ours, or only look like it, neither use the cookie nor have it taken away', () =>
  withScene(async (s) => {
    const { name, value, token } = await signedIn(s);
    for (const origin of FOREIGN) {
      for (const site of ['cross-site', 'same-site', 'none', 'SAME-ORIGIN', 'same-origin, cross-site']) {
        for (const path of ['/auth/refresh', '/auth/logout']) {
          const headers = { origin, 'sec-fetch-site': site, cookie: `${name}=${value}` };
          const answer = await s.client.send('POST', path, { headers });
          refused(answer, 403, 'origin_refused');
          assert.equal(answer.headers['set-cookie'], undefined);
          const { cookie: _, ...bare } = headers;
          const without = await s.client.send('POST', path, { headers: bare });
          refused(without, 403, 'origin_refused');
          assert.equal(without.headers['set-cookie'], undefined, 'nothing is known, nothing is taken away');
        }
      }
      const asked = await s.app.http.inject({
        method: 'OPTIONS',
        url: '/api/v1/auth/refresh',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
      });
      const allowing = Object.keys(asked.headers).filter((field) => field.startsWith('access-control-'));
      assert.deepEqual(allowing, [], origin);
    }
    ok(await s.client.send('GET', '/users/me', { token }), 200);
    const own = { origin: PUBLIC_URL, cookie: `${name}=${value}` };
    ok(await s.client.send('POST', '/auth/refresh', { headers: own }), 200);
  }, HTTPS));

test('names that only resemble the __Host- cookie are not read', () =>
  withScene(async (s) => {
    const { name, value } = await signedIn(s);
    const read = (cookie: string) =>
      s.client.send('POST', '/auth/refresh', { headers: { origin: PUBLIC_URL, cookie } });
    for (const lookAlike of [
      `ostiary=${value}`,
      `__host-ostiary=${value}`,
      `__Secure-ostiary=${value}`,
      `=${name}=${value}`,
      `\u00a0${name}=${value}`,
      `\u0085${name}=${value}`,
      `${name}\u00a0=${value}`,
      `%5F_Host-ostiary=${value}`,
      `"${name}"=${value}`,
      `x="; ${name}x=${value}"`,
      `${name}[]=${value}`,
      `x=y, ${name}=${value}`,
    ]) {
      refused(await read(lookAlike), 401, 'refresh_invalid');
    }
    // What cannot be there twice in a browser: the first counts, and no mixture of both.
    refused(await read(`${name}=planted; ${name}=${value}`), 401, 'refresh_invalid');
    ok(await read(`${name}=${value}; ${name}=planted`), 200);
  }, HTTPS));

test('what a page of another site posts is refused before anything is counted', () =>
  withScene(
    async (s) => {
      const person = somebody();
      await s.client.register(person);
      const form = (password: string) =>
        new URLSearchParams({ username: person.email, password, grant_type: 'password' }).toString();
      const post = (path: string, password: string, headers: Record<string, string>, type: string | null = FORM) =>
        s.client.send('POST', path, {
          body: form(password),
          headers: { ...headers, ...(type !== null && { 'content-type': type }) },
        });
      const foreign: Record<string, string>[] = [
        ...FOREIGN.map((origin) => ({ origin })),
        { origin: 'https://evil.example', 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': 'cross-site' },
      ];
      for (const headers of foreign) {
        for (const path of ['login', 'request-password-reset', 'register', 'refresh', 'logout']) {
          const answer = await post(`/auth/${path}`, 'wrong', headers);
          refused(answer, 403, 'origin_refused');
          assert.equal(answer.headers['x-ratelimit-remaining'], undefined, 'the client is not counted');
        }
        for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'text/plain;application/json', null])
          refused(await post('/auth/login', 'wrong', headers, type), 403, 'origin_refused');
      }
      // The same person in the same browser, and at the same address, waits for nothing.
      await s.client.login(person);
      ok(await post('/auth/login', person.password, {}), 200);
    },
    { env: { ...HTTPS.env, RATE_LIMITS: 'on' } },
  ));

test('what a page of another site reads in a browser does not use up what its visitors may', () =>
  withScene(
    async (s) => {
      const foreign = { 'sec-fetch-site': 'cross-site' };
      const read = (headers: Record<string, string>) => s.client.send('GET', '/users/by-name/nobody', { headers });
      let last = await read(foreign);
      for (let n = 0; n < 200 && last.statusCode !== 429; n += 1) last = await read(foreign);
      refused(last, 429, 'rate_limited');
      const others: Record<string, string>[] = [
        {},
        { ...foreign, origin: 'https://app.example.com' },
        { 'sec-fetch-site': 'none' },
      ];
      for (const headers of others) {
        refused(await read(headers), 404, 'user_not_found');
      }
      // Only reads: a program that sends the field must not gain more tries at passwords.
      const login = (headers: Record<string, string>) =>
        s.client.send('POST', '/auth/login', { headers, body: { login: 'a', password: 'b' } });
      const left = Number((await login({})).headers['x-ratelimit-remaining']);
      assert.equal(Number((await login(foreign)).headers['x-ratelimit-remaining']), left - 1);
    },
    { env: { ...HTTPS.env, RATE_LIMITS: 'on' } },
  ));

test('forms of programs, of our own pages and of listed ones are taken', () =>
  withScene(async (s) => {
    const person = somebody();
    await s.client.register(person);
    const body = new URLSearchParams({ username: person.email, password: person.password }).toString();
    const ours: Record<string, string>[] = [
      {},
      { origin: PUBLIC_URL, 'sec-fetch-site': 'same-origin' },
      { origin: 'https://app.example.com', 'sec-fetch-site': 'same-site' },
      { origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' },
      // As forms of a page with `Referrer-Policy: no-referrer` come.
      { origin: 'null', 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ];
    for (const headers of ours)
      ok(await s.client.send('POST', '/auth/login', { body, headers: { ...headers, 'content-type': FORM } }), 200);
    // A program that is no browser, and says where its user interface comes from.
    const json = { login: person.email, password: person.password, tokenTransport: 'body' };
    ok(await s.client.send('POST', '/auth/login', { body: json, headers: { origin: 'file://' } }), 200);
  }, HTTPS));

test('a page of another site is told that its cookie will not come back, where it signs in and where it misses it', () =>
  withScene(
    async (s) => {
      const person = somebody();
      await s.client.register(person);
      const { email: login, password } = person;
      const ask = async (headers: Record<string, string>, tokenTransport?: string) => {
        const body = { login, password, ...(tokenTransport && { tokenTransport }) };
        return ok<{ cookieWarning?: string }>(await s.client.send('POST', '/auth/login', { body, headers }), 200);
      };
      const other = 'http://127.0.0.1:5173';
      const foreign: Record<string, string>[] = [
        { origin: other, 'sec-fetch-site': 'cross-site' },
        { origin: other },
        { origin: 'https://app.example.org' },
        { origin: 'capacitor://localhost' },
      ];
      for (const headers of foreign) {
        for (const transport of [undefined, 'cookie'])
          assert.match((await ask(headers, transport)).cookieWarning ?? '', /another site.*tokenTransport "body"/);
        assert.equal((await ask(headers, 'body')).cookieWarning, undefined);
      }
      const near: Record<string, string>[] = [
        {},
        { origin: 'http://localhost:5173', 'sec-fetch-site': 'same-site' },
        { origin: 'http://localhost:5173' },
        { origin: 'http://localhost:8000', 'sec-fetch-site': 'same-origin' },
        // Both by the address, whatever is configured.
        { origin: other, host: '127.0.0.1:8000' },
        { origin: 'https://app.example.com', host: 'auth.example.com' },
        { origin: 'null' },
      ];
      for (const headers of near) assert.equal((await ask(headers)).cookieWarning, undefined, JSON.stringify(headers));

      const refresh = (headers: Record<string, string>) => s.client.send('POST', '/auth/refresh', { headers });
      const missed = refused(await refresh({ origin: other, 'sec-fetch-site': 'cross-site' }), 401, 'refresh_invalid');
      assert.match(missed.detail ?? '', /another site/);
      assert.equal(refused(await refresh({}), 401, 'refresh_invalid').detail, undefined);
    },
    { env: { CORS_ORIGINS: `http://127.0.0.1:5173,http://localhost:5173` } },
  ));
