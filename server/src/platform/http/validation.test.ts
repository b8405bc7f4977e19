import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { readForms } from './bodies.ts';
import { assertProblem, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';
import { nullable, optionalBody, timestamp } from './schemas.ts';

const CLOSED = { additionalProperties: false };
const PUBLIC = { config: { access: 'public' } } as const;
const JSON_TYPE = { 'content-type': 'application/json' };

const login = Type.Object(
  {
    email: Type.String({ format: 'email', maxLength: 50 }),
    count: Type.Optional(Type.Integer()),
    flag: Type.Optional(Type.Boolean()),
    tags: Type.Optional(Type.Array(Type.Object({ name: Type.String() }, CLOSED), { maxItems: 3 })),
  },
  CLOSED,
);
const query = Type.Object(
  { page: Type.Optional(Type.Integer({ minimum: 1, default: 1 })), all: Type.Optional(Type.Boolean()) },
  CLOSED,
);

function routes(app: HttpServer) {
  app.post('/login', { ...PUBLIC, schema: { body: login } }, async ({ body }) => body);
  app.get('/list', { ...PUBLIC, schema: { querystring: query } }, async (request) => request.query);
  const params = Type.Object({ id: Type.Integer() });
  app.get('/items/:id', { ...PUBLIC, schema: { params } }, async (request) => ({ id: request.params.id }));
  const logout = optionalBody(Type.Object({ refreshToken: Type.String() }, CLOSED));
  app.post('/logout', { ...PUBLIC, schema: { body: logout } }, async ({ body }) => ({ got: body ?? 'nothing' }));
  app.register(async (scope: HttpServer) => {
    readForms(scope);
    const form = Type.Object({ username: Type.String(), password: Type.String() }, CLOSED);
    scope.post('/token', { ...PUBLIC, schema: { body: form } }, async ({ body }) => body);
  });
}

test('bodies: nothing is coerced, nothing unknown passes', async (t) => {
  const { app } = await testServer(t, { routes });
  const good = { email: 'ada@example.org', count: 1, flag: true, tags: [{ name: 'a' }] };
  assert.deepEqual((await app.inject({ method: 'POST', url: '/login', payload: good })).json(), good);
  const bad: unknown[] = [
    null,
    [],
    [good],
    'text',
    1,
    true,
    {},
    { email: ['ada@example.org'] },
    { email: null },
    { email: 'no address' },
    { email: `${'a'.repeat(60)}@example.org` },
    { ...good, count: '1' },
    { ...good, count: 1.5 },
    { ...good, flag: 'true' },
    { ...good, flag: 0 },
    { ...good, tags: 'a' },
    { ...good, tags: { name: 'a' } },
    { ...good, tags: [{ name: 'a', extra: 1 }] },
    { ...good, tags: Array.from({ length: 10_000 }, () => ({ extra: 1 })) },
    { ...good, admin: true },
  ];
  for (const payload of bad) {
    const text = JSON.stringify(payload);
    const answer = await app.inject({ method: 'POST', url: '/login', payload: text, headers: JSON_TYPE });
    assertProblem(answer, 400, 'validation_failed');
  }
});

test('bodies that would poison prototypes, name a member twice, or are no UTF-8 are not read', async (t) => {
  const { app } = await testServer(t, { routes });
  const bodies: (string | Buffer)[] = [
    '{"email":"ada@example.org","__proto__":{"admin":true}}',
    '{"email":"ada@example.org","constructor":{"prototype":{"admin":true}}}',
    '{"email":"ada@example.org","tags":[{"name":"a","__proto__":1}]}',
    Buffer.from('7b22656d61696c223a22ff406578616d706c652e6f7267227d', 'hex'),
    '{"email":"ada@example.org"} trailing',
    '{"email":"ada@example.org","email":"eve@example.org"}',
    '{"email":"ada@example.org","tags":[{"name":"a","n\\u0061me":"a"}]}',
  ];
  for (const payload of bodies) {
    const answer = await app.inject({ method: 'POST', url: '/login', payload, headers: JSON_TYPE });
    assertProblem(answer, 400, 'malformed_body');
  }
  assert.equal(({} as { admin?: boolean }).admin, undefined);
});

test('halves of surrogate pairs are not read: several passwords would become one', async (t) => {
  const { app } = await testServer(t, { routes });
  const send = (name: string) =>
    app.inject({
      method: 'POST',
      url: '/login',
      payload: `{"email":"ada@example.org","tags":[{"name":"${name}"}]}`,
      headers: JSON_TYPE,
    });
  const halves = ['\\ud800', '\\uDFFF', 'a\\ud83db', '\\ud83d \\ude00', '\\ude00\\ud83d', '\\ud83d\\ud83d\\ude00'];
  halves.push('\\ud83d\\ude00\\ude00', '\\ud83d\\u0041', '\\ud83d\\n\\ude00', '\\\\\\ud800', '\\ud83d\\\\ude00');
  for (const half of halves) assertProblem(await send(half), 400, 'malformed_body');
  for (const whole of [
    '\\ud83d\\ude00',
    '\\uD83D\\uDE00\\ud83d\\ude00',
    '\\\\ud800',
    '😀',
    '\\ud7ff\\ue000',
    '\\n\\ufffd',
  ]) {
    assert.equal((await send(whole)).statusCode, 200, whole);
  }
});

test('all faults are told, with paths, and without anything that the client sent', async (t) => {
  const { app } = await testServer(t, { routes });
  const payload = { count: 'hunter2', tags: [{ name: 7, hunter2: 'hunter2' }], hunter2: 'hunter2' };
  const answer = await app.inject({ method: 'POST', url: '/login', payload });
  const { errors } = assertProblem(answer, 400, 'validation_failed') as { errors: { path: string; message: string }[] };
  assert.deepEqual(errors.map(({ path }) => path).toSorted(), ['/', '/count', '/email', '/tags/0', '/tags/0/name']);
  assert.match(
    JSON.stringify(errors),
    /is required.*one of: email, count, flag, tags|one of: email, count, flag, tags.*is required/,
  );
  assert.ok(!answer.body.includes('hunter2'));
});

test('query and path: scalars are converted, lists and unknown names are refused', async (t) => {
  const { app } = await testServer(t, { routes });
  assert.deepEqual((await app.inject('/list?page=3&all=true')).json(), { page: 3, all: true });
  assert.deepEqual((await app.inject('/list')).json(), { page: 1 });
  assert.deepEqual((await app.inject('/items/7')).json(), { id: 7 });
  for (const url of [
    '/list?page=x',
    '/list?page=1&page=2',
    '/list?page=0',
    '/list?pages=1',
    '/list?all=yes',
    '/list?__proto__=1',
    '/items/x',
  ]) {
    assertProblem(await app.inject(url), 400, 'validation_failed');
  }
  const { errors } = (await app.inject('/list?page=x')).json();
  assert.equal(errors[0].path, 'query/page');
});

test('an optional body may be left out, but not be wrong', async (t) => {
  const { app } = await testServer(t, { routes });
  assert.deepEqual((await app.inject({ method: 'POST', url: '/logout' })).json(), { got: 'nothing' });
  const payload = { refreshToken: 'a' };
  assert.deepEqual((await app.inject({ method: 'POST', url: '/logout', payload })).json(), { got: payload });
  assertProblem(await app.inject({ method: 'POST', url: '/logout', payload: { other: 1 } }), 400, 'validation_failed');
});

test('forms are read in their scope only, and each field once', async (t) => {
  const { app } = await testServer(t, { routes });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const send = (url: string, payload: string) => app.inject({ method: 'POST', url, payload, headers });
  assert.deepEqual((await send('/token', 'username=ada&password=a%2Bb+c')).json(), {
    username: 'ada',
    password: 'a+b c',
  });
  assertProblem(await send('/token', 'username=ada&username=bob&password=x'), 400, 'malformed_body');
  assertProblem(await send('/token', 'username=ada&password=x&__proto__=y'), 400, 'malformed_body');
  assertProblem(await send('/token', 'username=ada'), 400, 'validation_failed');
  for (const stray of ['%ff', '%C3', '%', '%zz']) {
    assertProblem(await send('/token', `username=ada&password=${stray}`), 400, 'malformed_body');
  }
  assertProblem(await send('/login', 'email=ada@example.org'), 415, 'unsupported_media_type');
});

test('answers: only what the schema names leaves, dates as ISO 8601', async (t) => {
  const answer = Type.Object({
    at: timestamp(),
    seen: nullable(timestamp()),
    never: nullable(timestamp()),
    owner: nullable(Type.Object({ name: Type.String(), since: timestamp() })),
    nobody: nullable(Type.Object({ name: Type.String() })),
  });
  const at = new Date('2026-01-02T03:04:05.678Z');
  const { app } = await testServer(t, {
    routes: (server) => {
      server.get('/record', { ...PUBLIC, schema: { response: { 200: answer } } }, async () => {
        const owner = { name: 'Ada', since: at, passwordHash: 'hunter2' };
        return { at, seen: at, never: null, owner, nobody: null, passwordHash: 'hunter2' };
      });
    },
  });
  const iso = '2026-01-02T03:04:05.678Z';
  const expected = { at: iso, seen: iso, never: null, owner: { name: 'Ada', since: iso }, nobody: null };
  assert.deepEqual((await app.inject('/record')).json(), expected);
});
