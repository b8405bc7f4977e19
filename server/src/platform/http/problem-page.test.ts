import assert from 'node:assert/strict';
import { test } from 'node:test';
import { platformErrors } from '../errors.ts';
import { assertProblem, testServer } from './http.testing.ts';
import { pagePolicy } from './page.ts';
import type { HttpServer } from './routes.ts';

const VISIT = { accept: 'text/html,*/*;q=0.8', 'sec-fetch-mode': 'navigate' };
const PUBLIC = { config: { access: 'public' } } as const;

function routes(app: HttpServer) {
  app.get('/busy', { config: { access: 'public', csp: "default-src 'self'" } }, async () => {
    throw platformErrors.overloaded({ headers: { 'retry-after': '7' }, detail: '<b>Many</b> came.' });
  });
  app.get('/api/v1/busy', PUBLIC, async () => {
    throw platformErrors.overloaded();
  });
}

test('a browser that visits what is not there gets a page with its status, the number of the request and a way on', async (t) => {
  const { app } = await testServer(t, { routes, config: { publicUrl: 'https://example.org/auth' } });
  const { statusCode, headers, body } = await app.inject({ url: '/nothing', headers: VISIT });
  assert.equal(statusCode, 404);
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(headers['content-security-policy'], pagePolicy());
  assert.equal(headers['cache-control'], 'no-store');
  assert.match(body, /<h1>There is no page at this address\.<\/h1>/);
  assert.ok(body.includes('href="/auth/"') && body.includes('not_found'));
  assert.ok(body.includes(String(headers['x-request-id'])));
  assert.doesNotMatch(body, /nothing/, 'what was sent is not repeated');
});

test('a page that fails says how long to wait, under a policy that allows nothing but its style', async (t) => {
  const { app } = await testServer(t, { routes });
  const { statusCode, headers, body } = await app.inject({ url: '/busy', headers: VISIT });
  assert.deepEqual([statusCode, headers['retry-after']], [503, '7']);
  assert.equal(headers['content-security-policy'], pagePolicy());
  assert.match(body, /Try again in 7 seconds\./);
  assert.ok(body.includes('&lt;b&gt;Many&lt;/b&gt; came.'));
});

test('scripts, programs, forms and visits to the API get the problem document', async (t) => {
  const { app } = await testServer(t, { routes });
  const accept = 'text/html';
  assertProblem(await app.inject({ url: '/nothing', headers: { accept } }), 404, 'not_found');
  assertProblem(await app.inject({ url: '/nothing', headers: { accept, 'sec-fetch-mode': 'cors' } }), 404, 'not_found');
  assertProblem(await app.inject({ method: 'POST', url: '/busy', headers: VISIT }), 405, 'method_not_allowed');
  assertProblem(await app.inject({ url: '/api/v1/busy', headers: VISIT }), 503, 'overloaded');
});
