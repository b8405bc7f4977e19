import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InjectOptions } from 'fastify';
import { Type } from 'typebox';
import { AppError, platformErrors } from '../errors.ts';
import { assertProblem, exchange, listen, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';

const PUBLIC = { config: { access: 'public' } } as const;
const json = { 'content-type': 'application/json' };

function routes(app: HttpServer) {
  const body = Type.Object({ name: Type.String() }, { additionalProperties: false });
  app.post('/things', { ...PUBLIC, schema: { body } }, async () => ({}));
  app.get('/things/:id', PUBLIC, async () => ({}));
  app.get('/bug', PUBLIC, async () => {
    throw new Error('the password is hunter2');
  });
  app.get('/thrown-text', PUBLIC, async () => {
    throw 'hunter2';
  });
  app.get('/busy', PUBLIC, async () => {
    throw platformErrors.overloaded({ cause: new Error('hunter2'), headers: { 'retry-after': '2' } });
  });
  app.get('/away', PUBLIC, async () => {
    throw platformErrors.unavailable();
  });
  app.get('/step', PUBLIC, async () => {
    const spec = { status: 403, title: 'A step is missing.' };
    throw new AppError('step_required', spec, { members: { step: 'change_password' }, detail: 'Change it.' });
  });
  const broken = { 200: Type.Object({ count: Type.Integer() }) };
  app.get('/bad-answer', { ...PUBLIC, schema: { response: broken } }, async () => ({ count: 'hunter2' }) as never);
}

test('fault 13: every failure of a request is a problem document', async (t) => {
  const { app } = await testServer(t, { routes, http: { bodyLimit: 100 } });
  const cases: [string, InjectOptions, number, string][] = [
    ['no such path', { url: '/nothing' }, 404, 'not_found'],
    ['other method', { method: 'DELETE', url: '/things' }, 405, 'method_not_allowed'],
    ['body against schema', { method: 'POST', url: '/things', payload: {} }, 400, 'validation_failed'],
    ['broken JSON', { method: 'POST', url: '/things', payload: '{"a"', headers: json }, 400, 'malformed_body'],
    ['no body, of a type', { method: 'POST', url: '/things', payload: '', headers: json }, 400, 'validation_failed'],
    ['too large', { method: 'POST', url: '/things', payload: { name: 'x'.repeat(200) } }, 413, 'body_too_large'],
    [
      'text',
      { method: 'POST', url: '/things', payload: 'x', headers: { 'content-type': 'text/plain' } },
      415,
      'unsupported_media_type',
    ],
    ['no content type', { method: 'POST', url: '/things', payload: 'x' }, 415, 'unsupported_media_type'],
    ['bad percent code', { url: '/things/%zz' }, 400, 'malformed_request'],
    ['very long parameter', { url: `/things/${'x'.repeat(600)}` }, 414, 'uri_too_long'],
    ['very long URL', { url: `/things/1?q=${'x'.repeat(9000)}` }, 414, 'uri_too_long'],
    ['a bug', { url: '/bug' }, 500, 'internal_error'],
    ['a thrown text', { url: '/thrown-text' }, 500, 'internal_error'],
    ['an answer against its schema', { url: '/bad-answer' }, 500, 'internal_error'],
    ['overload', { url: '/busy' }, 503, 'overloaded'],
    ['a coded error', { url: '/step' }, 403, 'step_required'],
  ];
  for (const [name, request, status, code] of cases) {
    await t.test(name, async () => {
      const answer = await app.inject(request);
      assertProblem(answer, status, code);
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.ok(!answer.body.includes('hunter2'));
    });
  }
});

test('a 404 does not repeat the URL, and a 405 names the methods', async (t) => {
  const { app } = await testServer(t, { routes });
  assert.ok(!(await app.inject('/secret-of-ada?token=abc')).body.includes('ada'));
  assert.equal((await app.inject({ method: 'DELETE', url: '/things' })).headers.allow, 'POST');
  assert.equal((await app.inject({ method: 'POST', url: '/things/1', payload: {} })).headers.allow, 'GET, HEAD');
  assert.equal((await app.inject({ method: 'POST', url: '/things/1', payload: 'x' })).statusCode, 405);
});

test('members, details and headers of a coded error are sent', async (t) => {
  const { app } = await testServer(t, { routes });
  const problem = assertProblem(await app.inject('/step'), 403, 'step_required');
  assert.equal(problem.step, 'change_password');
  assert.equal(problem.detail, 'Change it.');
  assert.equal((await app.inject('/busy')).headers['retry-after'], '2');
  assert.match(String((await app.inject('/away')).headers['retry-after']), /^\d+$/);
});

test('a bug is logged with its stack under the id that the client was told', async (t) => {
  const { app, lines } = await testServer(t, { routes });
  const { requestId } = JSON.parse((await app.inject('/bug')).body);
  const line = lines.find((each) => each.level === 'error' && each.requestId === requestId);
  assert.match(JSON.stringify(line), /hunter2.*problems\.test/);
});

test('fault 11: a chunked body is limited too, and the client gets to read why', async (t) => {
  const { app } = await testServer(t, { routes, http: { bodyLimit: 1000 } });
  const port = await listen(app);
  const chunk = `${(5000).toString(16)}\r\n${'x'.repeat(5000)}\r\n`;
  const head = 'POST /things HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n';
  const answer = await exchange(t, port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`);
  assertProblem(answer, 413, 'body_too_large');
});

test('an upload far over the limit gets its 413 instead of a reset', async (t) => {
  const { app } = await testServer(t, { routes, http: { bodyLimit: 1000 } });
  const url = `http://127.0.0.1:${await listen(app)}/things`;
  for (let i = 0; i < 5; i += 1) {
    const answer = await fetch(url, { method: 'POST', headers: json, body: `"${'x'.repeat(3_000_000)}"` });
    assert.equal(answer.status, 413);
    await answer.arrayBuffer();
  }
});
