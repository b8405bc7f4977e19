import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { assertProblem, exchange, listen, testServer } from './http.testing.ts';

/** A server below `/auth`, behind a proxy that does this with it. */
function below(t: TestContext, proxyPath: 'removed' | 'kept', publicUrl = 'https://example.org/auth') {
  return testServer(t, {
    config: { publicUrl },
    http: { proxyPath },
    routes: (app) => {
      app.get('/data', { config: { access: 'public' } }, async ({ url, query }) => ({ url, query }));
      app.get('/api/v1/data', { config: { access: 'public' } }, async ({ url }) => ({ url }));
    },
  });
}

/** Fails unless nothing is there, and the answer, made by a server below `/auth`, says so. */
function assertNothing(answer: { statusCode: number; json(): { code: string; type: string; detail?: string } }) {
  assert.equal(answer.statusCode, 404);
  const { code, type, detail } = answer.json();
  assert.deepEqual([code, type], ['not_found', '/auth/docs/errors#not_found']);
  return detail;
}

test('a proxy that keeps the path of PUBLIC_URL reaches each route below it, and nothing outside', async (t) => {
  const { app } = await below(t, 'kept');
  for (const url of ['/auth/data', '/auth/data?a=b'])
    assert.equal((await app.inject(url)).json().url, url.slice('/auth'.length));
  for (const url of ['/data', '/authdata', '/auth%2Fdata', '/%61uth/data', '/AUTH/data', '//auth/data', '/x/../data'])
    assert.match(String(assertNothing(await app.inject(url))), /^Paths begin with \/auth here/, url);
  for (const url of ['/auth', '/auth/', '/auth?a', '/auth/auth/data', '/auth//data'])
    assert.doesNotMatch(String(assertNothing(await app.inject(url))), /Paths begin/, url);
});

test('whoever asks the process itself whether it is well needs no path, and may use it', async (t) => {
  const { app } = await below(t, 'kept');
  for (const path of ['/health', '/ready', '/ready?x', '/api/v1/health/liveness', '/api/v1/health/readiness'])
    for (const prefix of ['', '/auth']) assert.equal((await app.inject(prefix + path)).statusCode, 200, prefix + path);
  assertNothing(await app.inject('/healthy'));
  assertNothing(await app.inject('/ready/../data'));
});

test('by default the proxy removes the path: a second one leads nowhere, and the answer says what to do', async (t) => {
  const { app } = await below(t, 'removed');
  assert.equal((await app.inject('/data')).statusCode, 200);
  // Past the proxy this was `/auth/auth/data`, which no rule for `/auth/data` would meet.
  for (const url of ['/auth/data', '/auth/data?a=b', '/auth/health'])
    assert.match(String(assertNothing(await app.inject(url))), /PROXY_PATH/, url);
  for (const url of ['/authdata', '/auth', '/auth/nothing'])
    assert.equal(assertNothing(await app.inject(url)), undefined, url);
});

test('a path that is called as a route of ours is no other', async (t) => {
  const kept = await below(t, 'kept', 'https://example.org/api');
  assert.equal((await kept.app.inject('/api/api/v1/data')).json().url, '/api/v1/data');
  assert.equal((await kept.app.inject('/api/v1/data')).statusCode, 404);
  const removed = await below(t, 'removed', 'https://example.org/api');
  assert.equal((await removed.app.inject('/api/v1/data')).json().url, '/api/v1/data');
  assert.equal((await removed.app.inject('/api/api/v1/data')).statusCode, 404);
  assert.equal((await removed.app.inject({ method: 'POST', url: '/api/v1/data' })).statusCode, 405);
});

test('where PUBLIC_URL has no path, nothing is taken off', async (t) => {
  const { app } = await below(t, 'kept', 'https://example.org');
  assert.equal((await app.inject('/data')).statusCode, 200);
  assertProblem(await app.inject('/auth/data'), 404, 'not_found');
});

test('the path of an absolute target is taken off, too', async (t) => {
  const port = await listen((await below(t, 'kept')).app);
  const ask = async (target: string) =>
    (await exchange(t, port, `GET ${target} HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n`)).statusCode;
  assert.equal(await ask('http://example.org/auth/data'), 200);
  assert.equal(await ask('http://example.org/data'), 404);
});
