import assert from 'node:assert/strict';
import { test } from 'node:test';
import { platformErrors } from '../errors.ts';
import { PastCredential } from './credential-kind.ts';
import { ADA, assertProblem, NOW, personOf, testServer } from './http.testing.ts';
import { createAttemptLimit } from './limits.ts';
import type { HttpServer } from './routes.ts';

/** Long enough that no window ends while a test runs. */
const HOUR = 3600;
const LIMITED = { enabled: true, default: { points: 3, duration: HOUR } };

function routes(app: HttpServer) {
  app.get('/a', { config: { access: 'public' } }, async () => ({}));
  app.get('/b', { config: { access: 'public' } }, async () => ({}));
  app.get(
    '/own',
    { config: { access: 'public', limit: { name: 'own', points: 1, duration: HOUR } } },
    async () => ({}),
  );
  app.get('/free', { config: { access: 'public', limit: 'none' } }, async () => ({}));
  app.get('/closed', { config: { access: 'signedIn' } }, async () => ({}));
  app.get('/either', { config: { access: 'optional' } }, async () => ({}));
  app.get(
    '/own-closed',
    { config: { access: 'signedIn', limit: { name: 'own-closed', points: 2, duration: HOUR } } },
    async () => ({}),
  );
  app.post(
    '/token',
    {
      config: {
        access: 'public',
        limit: { name: 'no-token', points: 2, duration: HOUR },
        tokenLimit: {
          name: 'token',
          points: 3,
          duration: HOUR,
          subjectOf: ({ body }) =>
            /^genuine-(\w+)$/.exec((body as { token?: string } | null)?.token ?? '')?.[1] ?? null,
        },
      },
    },
    async () => ({}),
  );
  const tries = createAttemptLimit({ name: 'tries', points: 2, duration: HOUR });
  app.get('/try/:account', { config: { access: 'public', limit: 'none' } }, async (request) => {
    await tries(request, (request.params as { account: string }).account);
    return {};
  });
}

const from = (address: string) => ({ 'x-forwarded-for': address });
const PROXY = { trustedProxies: ['127.0.0.0/8'] };

test('the default limit is one counter for all routes, and shows in the header fields', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: LIMITED });
  const first = await app.inject('/a');
  assert.equal(first.headers['x-ratelimit-limit'], '3');
  assert.equal(first.headers['x-ratelimit-remaining'], '2');
  assert.equal(first.headers['x-ratelimit-reset'], String(NOW.getTime() / 1000 + HOUR));
  assert.equal(first.headers['ratelimit-policy'], '"default";q=3;w=3600');
  assert.equal(first.headers.ratelimit, '"default";r=2;t=3600');
  await app.inject('/b');
  assert.equal((await app.inject('/closed')).headers['x-ratelimit-remaining'], '0');
  const refused = await app.inject('/b');
  assertProblem(refused, 429, 'rate_limited');
  assert.ok(Number(refused.headers['retry-after']) > HOUR - 60 && Number(refused.headers['retry-after']) <= HOUR);
  assert.equal(refused.headers['x-ratelimit-remaining'], '0');
});

test('limits of their own count apart, and `none` not at all', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: LIMITED });
  assert.equal((await app.inject('/own')).statusCode, 200);
  assert.equal((await app.inject('/own')).statusCode, 429);
  assert.equal((await app.inject('/a')).headers['x-ratelimit-remaining'], '2');
  for (let i = 0; i < 10; i += 1) {
    const answer = await app.inject(i % 2 === 0 ? '/free' : '/health');
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers['x-ratelimit-limit'], undefined);
  }
});

test('concurrent requests do not slip through', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: LIMITED });
  await app.ready();
  const answers = await Promise.all(Array.from({ length: 50 }, () => app.inject('/a')));
  assert.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 3);
});

test('switched off, nothing is counted', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: { ...LIMITED, enabled: false } });
  for (let i = 0; i < 10; i += 1) {
    const answer = await app.inject('/own');
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers['x-ratelimit-limit'], undefined);
    assert.equal((await app.inject('/try/ada')).statusCode, 200);
  }
});

test('fault 11: a spoofed X-Forwarded-For gains nothing', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: LIMITED });
  for (let i = 0; i < 3; i += 1) await app.inject({ url: '/a', headers: from(`203.0.113.${i}`) });
  assertProblem(await app.inject({ url: '/a', headers: from('203.0.113.9') }), 429, 'rate_limited');
});

test('behind a proxy the client counts, and what it forges before the proxy does not', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: LIMITED, http: PROXY });
  for (let i = 0; i < 3; i += 1) await app.inject({ url: '/a', headers: from(`10.0.0.${i}, 203.0.113.1`) });
  assertProblem(await app.inject({ url: '/a', headers: from('8.8.8.8, 203.0.113.1') }), 429, 'rate_limited');
  assert.equal((await app.inject({ url: '/a', headers: from('203.0.113.2') })).statusCode, 200);
});

test('an IPv6 client counts by its /64, a mapped IPv4 one as IPv4', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: LIMITED, http: PROXY });
  const remaining = async (address: string) =>
    (await app.inject({ url: '/a', headers: from(address) })).headers['x-ratelimit-remaining'];
  assert.equal(await remaining('2001:db8:1:2::1'), '2');
  assert.equal(await remaining('2001:0DB8:1:2:ffff::9'), '1');
  assert.equal(await remaining('2001:db8:1:3::1'), '2');
  assert.equal(await remaining('198.51.100.7'), '2');
  assert.equal(await remaining('::ffff:198.51.100.7'), '1');
});

test('tries are counted by account and client together, and show in no header field', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: LIMITED, http: PROXY });
  const attempt = (account: string, address: string) => app.inject({ url: `/try/${account}`, headers: from(address) });
  assert.equal((await attempt('ada', '203.0.113.1')).statusCode, 200);
  const second = await attempt('ada', '203.0.113.1');
  assert.equal(second.headers['x-ratelimit-remaining'], undefined);
  assert.equal(second.headers.ratelimit, undefined);
  const refused = await attempt('ada', '203.0.113.1');
  assertProblem(refused, 429, 'rate_limited');
  assert.match(String(refused.headers['retry-after']), /^\d+$/);
  assert.equal((await attempt('ada', '203.0.113.2')).statusCode, 200);
  assert.equal((await attempt('bob', '203.0.113.1')).statusCode, 200);
});

const BOB = personOf('0190b4a2-0000-7000-8000-00000000000b');
const TOKENS = { ada: ADA, bob: BOB };
const as = (token: string) => ({ authorization: `Bearer ${token}` });

test('who is signed in costs the address nothing, shows no counter, and cannot be kept out by neighbours', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: LIMITED, tokens: TOKENS });
  for (let i = 0; i < 10; i += 1) {
    for (const url of ['/closed', '/either']) {
      const answer = await app.inject({ url, headers: as('ada') });
      assert.equal(answer.statusCode, 200);
      assert.deepEqual(
        Object.keys(answer.headers).filter((name) => name.includes('ratelimit')),
        [],
      );
    }
  }
  assert.equal((await app.inject('/either')).headers['x-ratelimit-remaining'], '2');
  assertProblem(await app.inject({ url: '/closed', headers: as('nonsense') }), 401, 'unauthenticated');
  assertProblem(await app.inject('/closed'), 401, 'unauthenticated');
  for (const headers of [{}, as('nonsense')])
    assertProblem(await app.inject({ url: '/closed', headers }), 429, 'rate_limited');
  assertProblem(await app.inject('/a'), 429, 'rate_limited');
  for (const name of ['ada', 'bob'])
    assert.equal((await app.inject({ url: '/closed', headers: as(name) })).statusCode, 200);
});

test('an account without a rate of its roles makes 1,200 requests a minute', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: LIMITED, tokens: TOKENS });
  for (let i = 0; i < 1200; i += 1)
    assert.equal((await app.inject({ url: '/closed', headers: as('ada') })).statusCode, 200);
  const refused = await app.inject({ url: '/closed', headers: as('ada') });
  assertProblem(refused, 429, 'rate_limited');
  assert.ok(Number(refused.headers['retry-after']) <= 60);
  assert.equal((await app.inject({ url: '/closed', headers: as('bob') })).statusCode, 200);
});

test('the own limit of a route counts who is signed in by their account, others by address', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: LIMITED, tokens: TOKENS });
  for (const name of ['ada', 'bob']) {
    for (const status of [200, 200, 429])
      assert.equal((await app.inject({ url: '/own-closed', headers: as(name) })).statusCode, status);
  }
  for (const status of [401, 401, 429]) assert.equal((await app.inject('/own-closed')).statusCode, status);
});

test('an authentic token of a public route counts for what it stands for, everything else for the address', async (t) => {
  const { app } = await testServer(t, { routes, rateLimits: LIMITED });
  const send = (payload?: object) => app.inject({ method: 'POST', url: '/token', ...(payload && { payload }) });
  const statuses = async (payload: object | undefined, times: number) => {
    const all = [];
    for (let i = 0; i < times; i += 1) all.push((await send(payload)).statusCode);
    return all;
  };
  assert.equal((await send({ token: 'forged' })).headers['x-ratelimit-remaining'], '1');
  assert.deepEqual(await statuses(undefined, 2), [200, 429]);
  assert.deepEqual(await statuses({ token: 'forged' }, 1), [429]);
  for (const token of ['genuine-a', 'genuine-b']) {
    const first = await send({ token });
    assert.equal(first.statusCode, 200);
    assert.equal(first.headers['x-ratelimit-remaining'], undefined);
    assert.deepEqual(await statuses({ token }, 3), [200, 200, 429]);
  }
});

test('a credential that ran out is refused as one, without a cost for its address, 30 times a minute', async (t) => {
  const authenticate = ({ headers }: { headers: { authorization?: string } }) => {
    const id = /^Bearer past-(\w+)$/.exec(headers.authorization ?? '')?.[1];
    throw id === undefined ? platformErrors.unauthenticated() : new PastCredential(id);
  };
  const { app } = await testServer(t, { routes, rateLimits: LIMITED, authenticate });
  const send = (token: string) => app.inject({ url: '/closed', headers: as(token) });
  for (const token of ['past-a', 'past-b', 'past-c']) {
    for (let i = 0; i < 30; i += 1) assertProblem(await send(token), 401, 'unauthenticated');
  }
  // Beyond that it is what any other bad credential is.
  for (const code of [401, 401, 401, 429]) assert.equal((await send('past-a')).statusCode, code);
  assertProblem(await send('nonsense'), 429, 'rate_limited');
  assertProblem(await send('past-d'), 401, 'unauthenticated');
});
