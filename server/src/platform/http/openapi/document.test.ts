import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Type } from 'typebox';
import { withChoices } from '../choices.ts';
import { exchange, listen, testServer } from '../http.testing.ts';
import type { HttpServer } from '../routes.ts';
import { nullable, optionalBody, timestamp } from '../schemas.ts';

type Json = Record<string, unknown>;
type Response = { description: string; headers?: Json; content?: Record<string, { schema: Json }> };
type Operation = {
  operationId: string;
  description?: string;
  tags?: string[];
  responses: Record<string, unknown>;
  parameters?: unknown[];
  security?: Json[];
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> };
};
type Parameter = { name: string; in: string; required?: boolean; schema: Json };
type Document = {
  openapi: string;
  info: Json;
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: Json; schemas: Record<string, Json>; responses: Json };
};

const CLOSED = { additionalProperties: false };

function routes(app: HttpServer) {
  const params = Type.Object({ id: Type.String({ format: 'uuid' }) });
  const querystring = Type.Object(
    { page: Type.Optional(Type.Integer({ minimum: 1, maximum: 99, default: 1 })) },
    CLOSED,
  );
  const body = Type.Object({ name: Type.String() }, CLOSED);
  const answer = Type.Object({ name: Type.String(), seenAt: nullable(timestamp()) });
  const config = { access: 'verified', fresh: true, errors: ['name_taken'] } as const;
  app.patch(
    '/api/v1/things/:id',
    { config, schema: { summary: 'Rename', params, querystring, body, response: { 200: answer, 204: Type.Null() } } },
    async () => ({ name: '', seenAt: null }),
  );
  app.get('/api/v1/things/:id/parts', { config: { access: 'public', limit: 'none' } }, async () => []);
  app.get('/api/v1/things', { config: { access: 'optional' } }, async () => []);
  app.post(
    '/api/v1/out',
    { config: { access: 'public' }, schema: { body: optionalBody(Type.Object({ token: Type.String() }, CLOSED)) } },
    async () => ({}),
  );
  app.post('/api/v1/auth/token', { config: { access: 'public' } }, async () => ({}));
  app.get('/api/v1/hidden', { config: { access: 'public' }, schema: { hide: true } }, async () => ({}));
  app.get('/api/v1/elsewhere', { config: { access: 'public', environments: ['production'] } }, async () => ({}));
}

const options = {
  routes,
  http: { docs: true },
  errors: { name_taken: { status: 409, title: 'Taken.' } },
  rateLimits: { enabled: true, default: { points: 100, duration: 60 } },
};

function* operations(document: Document): Generator<[string, string, Operation]> {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) yield [path, method, operation];
  }
}

async function documentOf(t: TestContext, more: (app: HttpServer) => unknown = routes): Promise<Document> {
  const { app } = await testServer(t, { ...options, routes: more });
  return (await app.inject('/openapi.json')).json();
}

/** What a reference leads to, undefined where that is nowhere; anything else as it is. */
function resolve<T>(document: Document, part: unknown): T {
  const { $ref } = part as { $ref?: string };
  const keys = $ref?.replace(/^#\//, '').split('/') ?? [];
  return keys.reduce<unknown>(
    (node, key) => (node as Json | undefined)?.[key],
    $ref === undefined ? part : document,
  ) as T;
}

/** The codes of the problems that an answer can carry. */
function codesOf(document: Document, response: unknown): unknown[] {
  const { content = {} } = resolve<Response>(document, response);
  const problemsIn = (schema: Json): Json[] => {
    const { oneOf } = resolve<{ oneOf?: Json[] }>(document, schema);
    return oneOf === undefined ? [schema] : oneOf.flatMap(problemsIn);
  };
  return problemsIn(content['application/problem+json']?.schema ?? {}).map((problem) => {
    const [, own] = resolve<{ allOf: { properties: { code: Json } }[] }>(document, problem).allOf;
    return own?.properties.code.const;
  });
}

function refs(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = '$ref' in value && typeof value.$ref === 'string' ? [value.$ref] : [];
  return [...own, ...Object.values(value).flatMap(refs)];
}

test('the document is sound OpenAPI 3.1', async (t) => {
  const document = await documentOf(t);
  assert.match(document.openapi, /^3\.1\.\d$/);
  assert.equal(document.info.version, '0.0.0');
  const ids = [...operations(document)].map(([, , { operationId }]) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.length >= 8);
  assert.ok(refs(document).length > 50);
  for (const ref of refs(document)) assert.ok(resolve(document, { $ref: ref }) !== undefined, ref);
  for (const [path, method, { operationId, responses, parameters = [], security = [] }] of operations(document)) {
    const where = `${method} ${path}`;
    assert.match(operationId, /^[a-z][A-Za-z0-9]+$/, where);
    assert.ok(
      Object.keys(responses).some((status) => /^2/.test(status)),
      where,
    );
    for (const [status, response] of Object.entries(responses)) {
      const { description, content } = resolve<Response>(document, response);
      assert.match(status, /^[1-5]\d\d$/);
      assert.ok(description.length > 0, `${where} ${status}`);
      if (Number(status) >= 400)
        assert.deepEqual(Object.keys(content ?? {}), ['application/problem+json'], `${where} ${status}`);
    }
    const named = parameters
      .map((parameter) => resolve<Parameter>(document, parameter))
      .filter((each) => each.in === 'path')
      .map(({ name }) => name)
      .toSorted();
    assert.deepEqual(named, [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).toSorted(), where);
    for (const scheme of security.flatMap(Object.keys)) assert.ok(scheme in document.components.securitySchemes);
  }
});

test('every error of a route is there, by status, with its code', async (t) => {
  const document = await documentOf(t);
  const errorsOf = (path: string, method: string) =>
    Object.fromEntries(
      Object.entries(document.paths[path]?.[method]?.responses ?? {})
        .filter(([status]) => Number(status) >= 400)
        .map(([status, response]) => [status, codesOf(document, response).toSorted()]),
    );
  assert.deepEqual(errorsOf('/api/v1/things/{id}', 'patch'), {
    400: ['host_refused', 'malformed_body', 'malformed_request', 'validation_failed'],
    401: ['reauth_required', 'unauthenticated'],
    403: ['credential_refused', 'email_unverified'],
    408: ['request_timeout'],
    409: ['name_taken'],
    413: ['body_too_large'],
    414: ['uri_too_long'],
    415: ['unsupported_media_type'],
    429: ['rate_limited'],
    500: ['internal_error'],
    503: ['overloaded', 'unavailable'],
  });
  assert.deepEqual(errorsOf('/api/v1/things/{id}/parts', 'get'), {
    400: ['host_refused', 'malformed_request'],
    414: ['uri_too_long'],
    429: ['rate_limited'],
    500: ['internal_error'],
    503: ['unavailable'],
  });
  // A body is read, and may be refused, also where the route asks for none.
  assert.ok(errorsOf('/api/v1/auth/token', 'post')[415]);
  // Probes are answered without a database, and under any name.
  assert.deepEqual(errorsOf('/health', 'get'), {
    400: ['malformed_request'],
    414: ['uri_too_long'],
    429: ['rate_limited'],
    500: ['internal_error'],
  });
});

test('an error answer is written once, however many operations refer to it', async (t) => {
  const document = await documentOf(t);
  const shared = [...operations(document)].map(([, , { responses }]) => responses[500]);
  assert.ok(shared.length >= 8);
  for (const response of shared) assert.deepEqual(response, { $ref: '#/components/responses/InternalError' });
  assert.match(String(resolve<Response>(document, shared[0]).description), /^Something went wrong on our side\.$/);
});

test('who may call, what may be left out, and what is not there', async (t) => {
  const document = await documentOf(t);
  const { paths } = document;
  const signedIn = [{ bearer: [] }, { password: [] }];
  const rename = paths['/api/v1/things/{id}']?.patch;
  assert.deepEqual(rename?.security, signedIn);
  assert.equal(
    rename?.description,
    'Needs a sign-in and a verified e-mail address. The password must have been proved within the last ten minutes.',
  );
  assert.deepEqual(paths['/api/v1/things']?.get?.security, [{}, ...signedIn]);
  assert.deepEqual(paths['/api/v1/things/{id}/parts']?.get?.security, []);
  assert.equal(paths['/api/v1/out']?.post?.requestBody?.required, false);
  assert.equal(paths['/api/v1/out']?.post?.requestBody?.content['application/json']?.schema.type, 'object');
  assert.equal(rename?.requestBody?.required, true);
  const parameters = rename?.parameters?.map((parameter) => resolve<Parameter>(document, parameter));
  const page = parameters?.find(({ name }) => name === 'page');
  assert.equal(page?.in, 'query');
  assert.notEqual(page?.required, true);
  for (const path of ['/api/v1/hidden', '/api/v1/elsewhere', '/docs/', '/redoc', '/openapi.json'])
    assert.equal(paths[path], undefined, path);
  const { password } = document.components.securitySchemes as {
    password: { flows: { password: { tokenUrl: string } } };
  };
  assert.equal(password.flows.password.tokenUrl, '/api/v1/auth/token');
});

test('without the OAuth2 form, nothing speaks of it', async (t) => {
  const document = await documentOf(t, (app) => {
    app.get('/api/v1/mine', { config: { access: 'signedIn' } }, async () => ({}));
    app.get('/api/v1/ours', { config: { access: 'permission' } }, async () => ({}));
    app.get('/api/v1/any', { config: { access: 'signedIn', credentials: 'any' } }, async () => ({}));
    app.get('/api/v1/fresh', { config: { access: 'permission', fresh: true } }, async () => ({}));
  });
  assert.deepEqual(document.paths['/api/v1/mine']?.get?.security, [{ bearer: [] }]);
  assert.deepEqual(document.paths['/api/v1/ours']?.get?.security, [{ bearer: [] }, { apiKey: [] }]);
  assert.deepEqual(document.paths['/api/v1/any']?.get?.security, [{ bearer: [] }, { apiKey: [] }]);
  assert.deepEqual(document.paths['/api/v1/fresh']?.get?.security, [{ bearer: [] }]);
  assert.deepEqual(Object.keys(document.components.securitySchemes), ['bearer', 'apiKey', 'refreshCookie']);
});

test('a schema with a title is a component of that name', async (t) => {
  const part = Type.Object({ size: Type.Integer() }, { title: 'Part' });
  const thing = Type.Object({ part, spare: nullable(part), parts: Type.Array(part) }, { title: 'Thing' });
  const document = await documentOf(t, (app) => {
    const schema = { response: { 200: thing } };
    const answer = { part: { size: 1 }, spare: null, parts: [] };
    app.get('/api/v1/one', { config: { access: 'public' }, schema }, async () => answer);
    app.get('/api/v1/other', { config: { access: 'public' }, schema }, async () => answer);
  });
  const ref = { $ref: '#/components/schemas/Part' };
  assert.deepEqual(document.components.schemas.Thing, {
    type: 'object',
    required: ['part', 'spare', 'parts'],
    properties: { part: ref, spare: { anyOf: [ref, { type: 'null' }] }, parts: { type: 'array', items: ref } },
  });
  const answers = ['/api/v1/one', '/api/v1/other'].map((path) => document.paths[path]?.get?.responses[200]);
  assert.deepEqual(answers, [
    { $ref: '#/components/responses/ThingAnswer' },
    { $ref: '#/components/responses/ThingAnswer' },
  ]);
});

test('two schemas of one title, and two operations of one id, make no document', async (t) => {
  const answering = (size: ReturnType<typeof Type.Integer> | ReturnType<typeof Type.String>) => ({
    response: { 200: Type.Object({ size }, { title: 'Part' }) },
  });
  const { app } = await testServer(t, {
    routes(server) {
      server.get('/one', { config: { access: 'public' }, schema: answering(Type.Integer()) }, async () => ({
        size: 1,
      }));
      server.get('/two', { config: { access: 'public' }, schema: answering(Type.String()) }, async () => ({
        size: '',
      }));
    },
  });
  await assert.rejects(app.openapi(), new TypeError('Two schemas are called Part.'));
  const { app: other } = await testServer(t, {
    routes(server) {
      const schema = { operationId: 'look' };
      server.get('/one', { config: { access: 'public' }, schema }, async () => ({}));
      server.get('/two', { config: { access: 'public' }, schema }, async () => ({}));
    },
  });
  await assert.rejects(other.openapi(), new TypeError('Two operations are called look.'));
});

test('fields that stand in place of each other are alternatives', async (t) => {
  const field = Type.Optional(Type.String());
  const choice = { title: 'Who', variants: { WhoByName: 'name', WhoByNumber: 'number' } };
  const document = await documentOf(t, (app) => {
    const fields = Type.Object({ name: field, number: field, note: field }, { ...CLOSED, title: 'AskBody' });
    const schema = { body: withChoices(fields, choice) };
    app.post('/api/v1/ask', { config: { access: 'public' }, schema }, async () => ({}));
  });
  const { AskBody, Who, WhoByName } = document.components.schemas;
  assert.deepEqual(AskBody, {
    allOf: [{ type: 'object', properties: { note: { type: 'string' } } }, { $ref: '#/components/schemas/Who' }],
    unevaluatedProperties: false,
  });
  assert.deepEqual(Who, {
    oneOf: [{ $ref: '#/components/schemas/WhoByName' }, { $ref: '#/components/schemas/WhoByNumber' }],
  });
  assert.deepEqual(WhoByName, { type: 'object', required: ['name'], properties: { name: { type: 'string' } } });
});

test('shapes that a constant tells apart are a discriminated union; constants alone are an enumeration', async (t) => {
  const shape = Type.Union(
    [
      Type.Object({ kind: Type.Literal('circle'), radius: Type.Number() }, { title: 'Circle' }),
      Type.Object({ kind: Type.Literal('square'), side: Type.Number() }, { title: 'Square' }),
    ],
    { title: 'Shape' },
  );
  const colour = Type.Union([Type.Literal('red'), Type.Literal('blue')], { title: 'Colour' });
  const document = await documentOf(t, (app) => {
    const schema = { response: { 200: Type.Object({ shape, colour }) } };
    app.get('/api/v1/shape', { config: { access: 'public' }, schema }, async () => ({
      shape: { kind: 'circle' as const, radius: 1 },
      colour: 'red' as const,
    }));
  });
  const [circle, square] = ['#/components/schemas/Circle', '#/components/schemas/Square'];
  assert.deepEqual(document.components.schemas.Shape, {
    oneOf: [{ $ref: circle }, { $ref: square }],
    discriminator: { propertyName: 'kind', mapping: { circle, square } },
  });
  assert.deepEqual(document.components.schemas.Colour, { type: 'string', enum: ['red', 'blue'] });
});

test('problems carry the members of their table, with an example', async (t) => {
  const members = { wait: Type.Integer({ examples: [7] }), hint: Type.Optional(Type.String({ examples: ['soon'] })) };
  const { app } = await testServer(t, {
    errors: { not_yet: { status: 403, title: 'Not yet.', members } },
    routes: (server) =>
      server.get('/api/v1/later', { config: { access: 'public', errors: ['not_yet'] } }, async () => ({})),
  });
  const document = (await app.openapi()) as unknown as Document;
  const { allOf, examples } = document.components.schemas.NotYetProblem ?? {};
  assert.deepEqual(allOf, [
    { $ref: '#/components/schemas/Problem' },
    {
      properties: {
        wait: { type: 'integer', examples: [7] },
        hint: { type: 'string', examples: ['soon'] },
        code: { type: 'string', const: 'not_yet' },
      },
      required: ['wait'],
    },
  ]);
  const [example] = examples as Json[];
  assert.equal(example?.code, 'not_yet');
  assert.equal(example?.wait, 7);
});

test('the pages load nothing from elsewhere, and everything that they load is there', async (t) => {
  const { app } = await testServer(t, options);
  for (const path of ['/docs', '/docs/', '/redoc']) {
    const page = await app.inject(path);
    assert.equal(page.statusCode, 200, path);
    assert.match(String(page.headers['content-type']), /^text\/html/);
    assert.match(String(page.headers['content-security-policy']), /script-src 'self'/);
    assert.doesNotMatch(page.body, /<script>|(src|href)="(https?:)?\/\//);
    assert.match(page.body, /<title>Ostiary API<\/title>/);
    assert.match(page.body, /<meta name="viewport" content="width=device-width, initial-scale=1">/);
    // Without one, a browser asks the host for /favicon.ico, which is outside of the path of PUBLIC_URL.
    assert.match(page.body, /<link rel="icon"/);
    for (const [, url = ''] of page.body.matchAll(/(?:src|href)="((?!data:)[^"#]+)"/g)) {
      const { pathname } = new URL(url, `http://localhost${path}`);
      const file = await app.inject(pathname);
      assert.equal(file.statusCode, 200, `${url} of ${path}`);
      assert.ok(file.rawPayload.length > 0);
    }
  }
});

test('what ReDoc shows, it does not fetch from its maker', async (t) => {
  const { app } = await testServer(t, options);
  const bundle = await app.inject('/redoc/redoc.standalone.js');
  assert.match(String(bundle.headers['content-type']), /^text\/javascript/);
  assert.ok(bundle.body.includes('alt:"redocly logo"'), 'the picture that this is about');
  assert.ok(!bundle.body.includes('https://cdn.redoc.ly'));
});

test('below a path that a proxy takes off, everything that is asked for begins with it', async (t) => {
  const { app } = await testServer(t, { ...options, config: { publicUrl: 'https://example.org/auth/v2' } });
  const prefix = '/auth/v2';
  /** As through the proxy; fails for what would not come to it. */
  const ask = (url: string) => {
    assert.ok(url.startsWith(`${prefix}/`), url);
    return app.inject({ url: url.slice(prefix.length), headers: { accept: 'text/html' } });
  };
  for (const path of ['/docs', '/docs/', '/redoc']) {
    const page = await ask(prefix + path);
    const urls = [...page.body.matchAll(/(?:src|href|spec-url)="((?!data:)[^"#]+)"/g)].map(([, url = '']) => url);
    assert.ok(urls.length >= 2);
    for (const url of urls) {
      const { pathname } = new URL(url, `https://example.org${prefix}${path}`);
      assert.equal((await ask(pathname)).statusCode, 200, `${url} of ${path}`);
    }
  }
  const moved = await ask(`${prefix}/docs/static/index.html`);
  assert.equal(moved.headers.location, `${prefix}/docs/`);
  const document = (await ask(`${prefix}/openapi.json`)).json();
  assert.deepEqual(document.servers, [{ url: prefix }]);
  const text = JSON.stringify(document);
  assert.doesNotMatch(text, /"type":"\/docs/);
  for (const [, url] of text.matchAll(/"tokenUrl":"([^"]+)"/g)) assert.equal(url, `${prefix}/api/v1/auth/token`);
  const { type } = (await app.inject('/nothing')).json();
  assert.equal(type, `${prefix}/docs/errors#not_found`);
  assert.match((await ask(String(type).split('#', 1)[0] ?? '')).body, /id="not_found"/);
  const port = await listen(app);
  const malformed = await exchange(t, port, 'no request\r\n\r\n');
  assert.equal(JSON.parse(malformed.body).type, `${prefix}/docs/errors#malformed_request`);
  assert.equal((await app.inject('/%zz')).json().type, `${prefix}/docs/errors#malformed_request`);
});

test('the page of error codes is always there: every problem document refers to it', async (t) => {
  const { app } = await testServer(t, { ...options, http: { docs: false }, config: { environment: 'production' } });
  const { type } = (await app.inject('/nothing')).json();
  const page = await app.inject(String(type).split('#', 1)[0] ?? '');
  assert.equal(page.statusCode, 200);
  assert.match(String(page.headers['content-type']), /^text\/html/);
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/);
  assert.doesNotMatch(page.body, /<script|(src|href)="(?!data:|#)/);
  for (const code of ['not_found', 'validation_failed', 'name_taken'])
    assert.ok(page.body.includes(`id="${code}"`), code);
});

test('switched off, there are no docs', async (t) => {
  const { app } = await testServer(t, { ...options, http: { docs: false } });
  for (const path of ['/docs', '/docs/', '/redoc', '/openapi.json', '/docs/json']) {
    assert.equal((await app.inject(path)).statusCode, 404, path);
  }
});
