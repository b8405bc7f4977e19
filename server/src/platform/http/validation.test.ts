import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InjectOptions } from 'fastify';
import { Type } from 'typebox';
import { defineErrors } from '../errors.ts';
import { readForms } from './bodies.ts';
import { withChoices } from './choices.ts';
import { assertProblem, exchange, listen, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';
import { nullable, optionalBody, timestamp } from './schemas.ts';

const CLOSED = { additionalProperties: false };
const PUBLIC = { config: { access: 'public' } } as const;
const REQUIRED = 'This field is required.';
type Faulty = { errors: { in: string; path: string; message: string }[] };
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
const taken = defineErrors({ name_taken: { status: 409, fields: ['newName', 'name'], title: 'Somebody has it.' } });
const query = Type.Object(
  { page: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 1 })), all: Type.Optional(Type.Boolean()) },
  CLOSED,
);

function routes(app: HttpServer) {
  app.post('/login', { ...PUBLIC, schema: { body: login } }, async ({ body }) => body);
  app.get('/list', { ...PUBLIC, schema: { querystring: query } }, async (request) => request.query);
  const params = Type.Object({ id: Type.Integer({ minimum: 0, maximum: 1000 }) });
  app.get('/items/:id', { ...PUBLIC, schema: { params } }, async (request) => ({ id: request.params.id }));
  app.get(
    '/signed',
    { ...PUBLIC, schema: { headers: Type.Object({ 'x-sign': Type.String({ minLength: 3 }) }) } },
    async () => ({}),
  );
  const optional = Type.Object({ a: Type.Optional(Type.String()) }, CLOSED);
  app.post('/nothing-needed', { ...PUBLIC, schema: { body: optional } }, async () => ({}));
  const chosen = withChoices(
    Type.Object(
      { name: Type.Optional(Type.String()), mail: Type.Optional(Type.String()), place: Type.String() },
      CLOSED,
    ),
    { title: 'Who', variants: { ByName: 'name', ByMail: 'mail' } },
  );
  app.post('/choose', { ...PUBLIC, schema: { body: chosen } }, async () => ({}));
  const names = Type.Object({ name: Type.Optional(Type.String()), newName: Type.Optional(Type.String()) }, CLOSED);
  app.post('/take', { config: { access: 'public', errors: ['name_taken'] }, schema: { body: names } }, async () => {
    throw taken.name_taken();
  });
  const logout = optionalBody(Type.Object({ refreshToken: Type.String() }, CLOSED));
  app.post('/logout', { ...PUBLIC, schema: { body: logout } }, async ({ body }) => ({ got: body ?? 'nothing' }));
  app.register(async (scope: HttpServer) => {
    readForms(scope);
    const form = Type.Object({ username: Type.String(), password: Type.String() }, CLOSED);
    scope.post('/token', { ...PUBLIC, schema: { body: form } }, async ({ body }) => body);
  });
}

test('bodies: nothing is coerced, nothing unknown passes', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
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
  const { app } = await testServer(t, { routes, errors: taken.table });
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

test('deep nesting is not read, whether it would end or not', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
  for (const payload of [
    '['.repeat(240_000),
    '{"tags":'.repeat(30_000),
    `${'['.repeat(65)}${']'.repeat(65)}`,
    `{"email":"ada@example.org","tags":${'[{"name":'.repeat(40)}1${'}]'.repeat(40)}}`,
  ]) {
    const answer = await app.inject({ method: 'POST', url: '/login', payload, headers: JSON_TYPE });
    const { detail } = assertProblem(answer, 400, 'malformed_body');
    assert.match(String(detail), /at most 64 levels/);
  }
  // Up to the bound the schema judges.
  const payload = `${'['.repeat(64)}${']'.repeat(64)}`;
  const answer = await app.inject({ method: 'POST', url: '/login', payload, headers: JSON_TYPE });
  assertProblem(answer, 400, 'validation_failed');
});

test('halves of surrogate pairs are not read: several passwords would become one', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
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

test('all faults are told, with paths, and without any value that the client sent', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
  const payload = { count: 'hunter2', tags: [{ name: 7, isMain: 1 }], admin: 1 };
  const answer = await app.inject({ method: 'POST', url: '/login', payload });
  const { errors } = assertProblem(answer, 400, 'validation_failed') as unknown as Faulty;
  const unknown = (fields: string) => `There is no such field; there are: ${fields}.`;
  const known = 'email, count, flag, tags';
  assert.deepEqual(
    errors.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    [
      { in: 'body', path: '/admin', message: unknown(known) },
      { in: 'body', path: '/count', message: 'This must be a whole number.' },
      { in: 'body', path: '/email', message: REQUIRED },
      { in: 'body', path: '/tags/0/isMain', message: unknown('name') },
      { in: 'body', path: '/tags/0/name', message: 'This must be text.' },
    ],
  );
  assert.ok(!answer.body.includes('hunter2'));
});

test('what does not look like the name of a field is not given back as one', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
  for (const name of [
    'correct horse battery staple',
    'k1.AZN3',
    '123456',
    'x'.repeat(33),
    'Tr0ub4dor&3',
    '__proto',
    '',
  ]) {
    const payload = { email: 'ada@example.org', [name]: name };
    const answer = await app.inject({ method: 'POST', url: '/login', payload });
    const { errors } = assertProblem(answer, 400, 'validation_failed') as unknown as Faulty;
    assert.deepEqual([errors[0]?.path, errors.length], ['', 1], name);
    assert.match(String(errors[0]?.message), /There is no such field/);
  }
});

test('each part of a request is named, by pointers of one form', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
  const faultsOf = async (request: InjectOptions) =>
    (assertProblem(await app.inject(request), 400, 'validation_failed') as unknown as Faulty).errors;
  assert.deepEqual(await faultsOf({ url: '/list?page=x&other=1' }), [
    { in: 'query', path: '/other', message: 'There is no such field; there are: page, all.' },
    { in: 'query', path: '/page', message: 'This must be a whole number.' },
  ]);
  assert.deepEqual(await faultsOf({ url: '/items/1001' }), [
    { in: 'path', path: '/id', message: 'This must be 1000 or less.' },
  ]);
  assert.deepEqual(await faultsOf({ url: '/signed', headers: { 'x-sign': 'ab' } }), [
    { in: 'header', path: '/x-sign', message: 'This must have at least 3 characters.' },
  ]);
  assert.deepEqual(await faultsOf({ method: 'POST', url: '/login', payload: [] }), [
    { in: 'body', path: '', message: 'This must be an object.' },
  ]);
  assert.deepEqual(await faultsOf({ method: 'POST', url: '/nothing-needed' }), [
    { in: 'body', path: '', message: 'A body is required.' },
  ]);
});

test('fields that stand in place of each other are judged together with all others', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
  const faultsOf = async (payload?: object) => {
    const answer = await app.inject({ method: 'POST', url: '/choose', ...(payload && { payload }) });
    return (assertProblem(answer, 400, 'validation_failed') as unknown as Faulty).errors;
  };
  const neither = { in: 'body', path: '/name', message: 'This field is required, or mail in its place.' };
  const place = { in: 'body', path: '/place', message: REQUIRED };
  for (const nothing of [undefined, {}]) assert.deepEqual(await faultsOf(nothing), [place, neither]);
  assert.deepEqual(await faultsOf({ name: 'a', mail: 'b', place: 1 }), [
    { in: 'body', path: '/place', message: 'This must be text.' },
    { in: 'body', path: '/mail', message: 'This stands in place of name, not beside it.' },
  ]);
  const good = await app.inject({ method: 'POST', url: '/choose', payload: { mail: 'b', place: 'c' } });
  assert.equal(good.statusCode, 200);
});

test('an error that a table says is about a field names it where a body has it', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
  const errorsFor = async (payload: object) => {
    const answer = await app.inject({ method: 'POST', url: '/take', payload });
    return assertProblem(answer, 409, 'name_taken').errors;
  };
  const message = 'Somebody has it.';
  assert.deepEqual(await errorsFor({ newName: 'x', name: 'y' }), [{ in: 'body', path: '/newName', message }]);
  assert.deepEqual(await errorsFor({ name: 'y' }), [{ in: 'body', path: '/name', message }]);
  assert.equal(await errorsFor({}), undefined);
});

test('query and path: scalars are converted, lists and unknown names are refused', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
  assert.deepEqual((await app.inject('/list?page=3&all=true')).json(), { page: 3, all: true });
  assert.deepEqual((await app.inject('/list')).json(), { page: 1 });
  assert.deepEqual((await app.inject('/items/7')).json(), { id: 7 });
  for (const url of [
    '/list?page=x',
    '/list?page=1&page=2',
    '/list?page=0',
    '/list?pages=1',
    '/list?page=101',
    '/list?page=Infinity',
    '/list?page=-Infinity',
    '/list?page=1e1',
    '/list?page=0x10',
    '/list?page=%207',
    '/list?page=',
    '/list?all=yes',
    '/list?all=1',
    '/list?all=',
    '/list?__proto__=1',
    '/items/x',
    '/items/-Infinity',
    '/items/1e1',
    '/items/%207',
  ]) {
    assertProblem(await app.inject(url), 400, 'validation_failed');
  }
  const { errors } = (await app.inject('/list?page=x')).json();
  assert.deepEqual([errors[0].in, errors[0].path], ['query', '/page']);
});

test('an optional body may be left out, but not be wrong', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
  assert.deepEqual((await app.inject({ method: 'POST', url: '/logout' })).json(), { got: 'nothing' });
  const payload = { refreshToken: 'a' };
  assert.deepEqual((await app.inject({ method: 'POST', url: '/logout', payload })).json(), { got: payload });
  assertProblem(await app.inject({ method: 'POST', url: '/logout', payload: { other: 1 } }), 400, 'validation_failed');
});

test('no bytes are no body, whatever type they have', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
  const port = await listen(app);
  const TYPES = ['application/json', 'application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data'];
  const NO_TYPES = ['x', '', 'x; charset=utf-8', 'a b/c', 'undefined'];
  // With a length, without one as `curl -X POST` sends, and as proxies forward what has neither.
  for (const framing of ['Content-Length: 0\r\n\r\n', '\r\n', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n']) {
    for (const type of [...[...TYPES, ...NO_TYPES].map((name) => `Content-Type: ${name}\r\n`), '']) {
      const send = (path: string) =>
        exchange(t, port, `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${type}${framing}`);
      assert.deepEqual(JSON.parse((await send('/logout')).body), { got: 'nothing' }, type + framing);
      for (const path of ['/login', '/token']) {
        const { errors } = assertProblem(await send(path), 400, 'validation_failed') as unknown as Faulty;
        assert.ok(errors.length > 0 && errors.every(({ message }) => message === REQUIRED), JSON.stringify(errors));
      }
    }
  }
});

test('the first byte of another type is refused, in chunks, too', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
  const port = await listen(app);
  for (const framing of ['Content-Length: 1\r\n\r\nx', 'Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n']) {
    for (const type of ['Content-Type: text/plain\r\n', 'Content-Type: x\r\n', 'Content-Type:\r\n', '']) {
      const head = `POST /logout HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${type}`;
      assertProblem(await exchange(t, port, head + framing), 415, 'unsupported_media_type');
    }
  }
});

test('forms are read in their scope only, and each field once', async (t) => {
  const { app } = await testServer(t, { routes, errors: taken.table });
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
