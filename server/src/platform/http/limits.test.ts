import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertProblem, NOW, testServer } from './http.testing.ts';
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
