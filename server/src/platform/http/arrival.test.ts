import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertProblem, exchange, listen, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function routes(app: HttpServer) {
  app.get('/data', { config: { access: 'public' } }, async () => ({}));
  app.get('/cached', { config: { access: 'public' } }, async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=300');
    return {};
  });
  app.get('/page', { config: { access: 'public', csp: "default-src 'self'" } }, async (_request, reply) => {
    reply.type('text/html');
    return '<p>Hello</p>';
  });
  app.get('/stream', { config: { access: 'public' } }, async (_request, reply) => {
    reply.type('text/plain').header('cache-control', 'public');
    return new Response('streamed').body;
  });
}

test('a well-formed request id of the client is kept, any other replaced', async (t) => {
  const { app, lines } = await testServer(t, { routes });
  const idFor = async (given: string) =>
    (await app.inject({ url: '/data', headers: { 'x-request-id': given } })).headers['x-request-id'];
  assert.equal(await idFor('abc-DEF_1.23'), 'abc-DEF_1.23');
  assert.ok(lines.some(({ requestId }) => requestId === 'abc-DEF_1.23'));
  for (const bad of [
    'short',
    'x'.repeat(65),
    'with space here',
    'quote"quote"',
    'a;b;c;d;e;f',
    '<script>',
    'é'.repeat(10),
  ]) {
    assert.match(String(await idFor(bad)), UUID);
  }
  const [first, second] = await Promise.all([app.inject('/data'), app.inject('/nothing')]);
  assert.match(String(first.headers['x-request-id']), UUID);
  assert.notEqual(first.headers['x-request-id'], second.headers['x-request-id']);
});

test('the short way of sending header fields sends the same as the long one', async (t) => {
  const limits = { enabled: true, default: { points: 1000, duration: 3600 } };
  const http = { corsOrigins: ['https://app.example.org'] };
  const { app } = await testServer(t, {
    routes,
    rateLimits: limits,
    http,
    config: { publicUrl: 'https://auth.example.org' },
  });
  const port = await listen(app);
  // These come from Node or change from request to request.
  const apart = [
    'date',
    'connection',
    'keep-alive',
    'transfer-encoding',
    'x-request-id',
    'x-ratelimit-remaining',
    'ratelimit',
  ];
  for (const path of ['/data', '/cached', '/page', '/stream', '/nothing', '/health', '/%zz']) {
    const socket = await fetch(`http://127.0.0.1:${port}${path}`);
    await socket.arrayBuffer();
    const injected = await app.inject(path);
    const names = (names: Iterable<string>) => [...names].filter((name) => !apart.includes(name)).toSorted();
    const sent = Object.fromEntries(names(socket.headers.keys()).map((name) => [name, socket.headers.get(name)]));
    const expected = Object.fromEntries(
      names(Object.keys(injected.headers)).map((name) => [name, String(injected.headers[name])]),
    );
    // A second may pass between the two.
    const [reset, later] = [sent, expected].map((fields) => Number(fields['x-ratelimit-reset'] ?? 0)) as [
      number,
      number,
    ];
    assert.ok(later - reset === 0 || later - reset === 1 || reset - later === 1, `${reset} and ${later} on ${path}`);
    assert.deepEqual({ ...sent, 'x-ratelimit-reset': '' }, { ...expected, 'x-ratelimit-reset': '' }, path);
    assert.equal('x-ratelimit-reset' in sent, 'x-ratelimit-reset' in expected, path);
    for (const name of [
      'x-request-id',
      'x-content-type-options',
      'strict-transport-security',
      'content-security-policy',
    ]) {
      assert.ok(socket.headers.has(name) && name in injected.headers, `${name} on ${path}`);
    }
  }
});

test('security header fields: for data nothing may load, pages have their own policy', async (t) => {
  const { app } = await testServer(t, { routes });
  const data = (await app.inject('/data')).headers;
  assert.match(String(data['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(data['x-content-type-options'], 'nosniff');
  assert.equal(data['x-frame-options'], 'DENY');
  assert.equal(data['referrer-policy'], 'no-referrer');
  assert.equal(data['cache-control'], 'no-store');
  assert.equal(data['strict-transport-security'], undefined, 'not where people come by plain HTTP');
  assert.equal(data['x-powered-by'], undefined);
  const page = (await app.inject('/page')).headers;
  assert.equal(page['content-security-policy'], "default-src 'self'");
  assert.equal(page['cross-origin-opener-policy'], 'same-origin');
  assert.equal((await app.inject('/cached')).headers['cache-control'], 'public, max-age=300');
});

test('CORS: only listed origins, with credentials; preflights pass every guard', async (t) => {
  const { app } = await testServer(t, {
    http: { corsOrigins: ['https://app.example.org'] },
    routes: (server) => void server.post('/closed', { config: { access: 'signedIn' } }, async () => ({})),
  });
  const ask = (origin: string, method: 'OPTIONS' | 'POST') =>
    app.inject({ method, url: '/closed', headers: { origin, 'access-control-request-method': 'POST' } });
  const preflight = await ask('https://app.example.org', 'OPTIONS');
  assert.equal(preflight.statusCode, 204);
  assert.equal(preflight.headers['access-control-allow-origin'], 'https://app.example.org');
  assert.match(String(preflight.headers['access-control-allow-methods']), /POST/);
  assert.match(String(preflight.headers['access-control-allow-headers']), /Authorization/);
  const refused = await ask('https://app.example.org', 'POST');
  assertProblem(refused, 401, 'unauthenticated');
  assert.equal(refused.headers['access-control-allow-origin'], 'https://app.example.org');
  assert.equal(refused.headers['access-control-allow-credentials'], 'true');
  assert.match(String(refused.headers['access-control-expose-headers']), /X-Request-Id/);
  for (const origin of [
    'https://evil.example.org',
    'https://app.example.org.evil.test',
    'null',
    'http://app.example.org',
  ]) {
    const answer = await ask(origin, 'OPTIONS');
    assert.equal(answer.headers['access-control-allow-origin'], undefined, origin);
    assert.equal(answer.headers.vary, 'Origin');
  }
});

test('CORS: pages may send what the API reads, what tracers add, and what is configured', async (t) => {
  const { app } = await testServer(t, {
    http: { corsOrigins: ['https://app.example.org'], corsHeaders: ['X-Tenant'] },
    routes,
  });
  const headers = { origin: 'https://app.example.org', 'access-control-request-method': 'GET' };
  const answer = await app.inject({ method: 'OPTIONS', url: '/data', headers });
  const allowed = String(answer.headers['access-control-allow-headers']).toLowerCase().split(', ');
  const documented = ['authorization', 'content-type', 'if-match', 'proof-of-work', 'x-request-id'];
  const tracers = ['traceparent', 'tracestate', 'baggage', 'sentry-trace', 'b3', 'x-b3-traceid', 'x-datadog-trace-id'];
  for (const name of [...documented, ...tracers, 'newrelic', 'x-tenant']) assert.ok(allowed.includes(name), name);
  assert.ok(!allowed.includes('*') && !allowed.includes('x-other'));
});

test('only trusted hosts are served; probes come by address', async (t) => {
  const { app } = await testServer(t, {
    routes,
    http: { trustedHosts: ['auth.example.org', '*.tenants.example.org'] },
  });
  const status = async (host: string, url = '/data') => (await app.inject({ url, headers: { host } })).statusCode;
  for (const host of ['auth.example.org', 'AUTH.example.org:8443', 'a.tenants.example.org'])
    assert.equal(await status(host), 200, host);
  for (const host of [
    'evil.test',
    'auth.example.org.evil.test',
    'tenants.example.org',
    '.tenants.example.org',
    '127.0.0.1',
    '[::1]:80',
    'evil.test:auth.example.org',
    'auth.example.org:@evil.test',
    'auth.example.org:80:80',
    'evil.test/.tenants.example.org',
    'evil.test#.tenants.example.org',
    'user@a.tenants.example.org',
    'a b.tenants.example.org',
  ]) {
    assertProblem(await app.inject({ url: '/data', headers: { host } }), 400, 'host_refused');
  }
  assert.equal(await status('10.1.2.3:8000', '/health'), 200);
  assert.equal(await status('10.1.2.3:8000', '/ready'), 200);
});

test('a trusted proxy may name the host, nobody else', async (t) => {
  const http = { trustedHosts: ['auth.example.org'], trustedProxies: ['127.0.0.1/32'] };
  const headers = { host: 'inner:8000', 'x-forwarded-host': 'auth.example.org' };
  const trusting = await testServer(t, { routes, http });
  assert.equal((await trusting.app.inject({ url: '/data', headers })).statusCode, 200);
  const other = await testServer(t, { routes, http: { ...http, trustedProxies: ['10.0.0.0/8'] } });
  assertProblem(await other.app.inject({ url: '/data', headers }), 400, 'host_refused');
});

test('the host of an absolute target counts, and not the Host beside it', async (t) => {
  const { app } = await testServer(t, {
    routes: (server) => {
      routes(server);
      server.get('/asked', { config: { access: 'public' } }, async ({ host, url, query }) => ({ host, url, query }));
    },
    http: { trustedHosts: ['auth.example.org', '[::1]'] },
  });
  const port = await listen(app);
  const ask = (target: string, host: string | null = 'auth.example.org', version = '1.1') =>
    exchange(
      t,
      port,
      `GET ${target} HTTP/${version}\r\n${host === null ? '' : `Host: ${host}\r\n`}Connection: close\r\n\r\n`,
    );
  for (const target of [
    'http://evil.test/asked',
    'HTTPS://evil.test:8443/asked',
    'http://auth.example.org.evil.test/asked',
  ])
    assertProblem(await ask(target), 400, 'host_refused');
  const ours = await ask('http://auth.example.org:8000/asked?a=b', 'evil.test');
  assert.deepEqual(JSON.parse(ours.body), { host: 'auth.example.org:8000', url: '/asked?a=b', query: { a: 'b' } });
  assert.equal((await ask('http://[::1]:80/asked', 'evil.test')).statusCode, 200);
  assert.equal((await ask('http://auth.example.org/asked', null, '1.0')).statusCode, 200);
  // One that names no path asks for the root.
  for (const target of ['http://auth.example.org', 'http://auth.example.org?a=b'])
    assertProblem(await ask(target), 404, 'not_found');
  for (const target of [
    'http://auth.example.org@evil.test/asked',
    'http://user:pw@auth.example.org/asked',
    'http:///asked',
    'http://',
    'ftp://auth.example.org/asked',
    'asked',
    'auth.example.org:80',
  ]) {
    const answer = await ask(target);
    assert.equal(answer.statusCode, 400, target);
    assert.equal(JSON.parse(answer.body).code, 'malformed_request', target);
  }
  assertProblem(await ask('http://auth.example.org/asked', null), 400, 'malformed_request');
  assertProblem(await ask('http://auth.example.org/data/../nothing'), 404, 'not_found');
});

test('no page may use a camera, a place or the like', async (t) => {
  const { app } = await testServer(t, { routes });
  for (const path of ['/data', '/page', '/nothing'])
    assert.match(
      String((await app.inject(path)).headers['permissions-policy']),
      /camera=\(\).*geolocation=\(\).*microphone=\(\)/,
    );
});
