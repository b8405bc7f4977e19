import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';
import { nullable, optionalBody, timestamp } from './schemas.ts';

type Json = Record<string, unknown>;
type Operation = {
  operationId: string;
  responses: Record<
    string,
    { description: string; content?: Record<string, { schema?: Json; examples?: Record<string, { value: Json }> }> }
  >;
  parameters?: { name: string; in: string; required?: boolean; schema: Json }[];
  security?: Json[];
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> };
};
type Document = {
  openapi: string;
  info: Json;
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: Json; schemas: Json };
};

const CLOSED = { additionalProperties: false };

function routes(app: HttpServer) {
  const params = Type.Object({ id: Type.String({ format: 'uuid' }) });
  const querystring = Type.Object({ page: Type.Optional(Type.Integer({ default: 1 })) }, CLOSED);
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

function refs(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = '$ref' in value && typeof value.$ref === 'string' ? [value.$ref] : [];
  return [...own, ...Object.values(value).flatMap(refs)];
}

test('the document is sound OpenAPI 3.1', async (t) => {
  const { app } = await testServer(t, options);
  const document: Document = (await app.inject('/openapi.json')).json();
  assert.match(document.openapi, /^3\.1\.\d$/);
  assert.equal(document.info.version, '0.0.0');
  const ids = [...operations(document)].map(([, , { operationId }]) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.length >= 8);
  for (const ref of refs(document)) {
    const target = ref
      .replace(/^#\//, '')
      .split('/')
      .reduce<unknown>((node, key) => (node as Json | undefined)?.[key], document);
    assert.ok(target !== undefined, ref);
  }
  for (const [path, method, { operationId, responses, parameters = [], security = [] }] of operations(document)) {
    const where = `${method} ${path}`;
    assert.match(operationId, /^[a-z][A-Za-z0-9]+$/, where);
    assert.ok(
      Object.keys(responses).some((status) => /^2/.test(status)),
      where,
    );
    for (const [status, { description, content }] of Object.entries(responses)) {
      assert.match(status, /^([1-5]\d\d|default)$/);
      assert.ok(description.length > 0 && description !== 'Default Response', `${where} ${status}`);
      if (Number(status) >= 400)
        assert.deepEqual(Object.keys(content ?? {}), ['application/problem+json'], `${where} ${status}`);
    }
    const named = parameters
      .filter((each) => each.in === 'path')
      .map(({ name }) => name)
      .toSorted();
    assert.deepEqual(named, [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).toSorted(), where);
    for (const scheme of security.flatMap(Object.keys)) assert.ok(scheme in document.components.securitySchemes);
  }
});

test('every error of a route is there, by status, with its code', async (t) => {
  const { app } = await testServer(t, options);
  const { paths }: Document = (await app.inject('/openapi.json')).json();
  const errorsOf = (path: string, method: string) =>
    Object.fromEntries(
      Object.entries(paths[path]?.[method]?.responses ?? {})
        .filter(([status]) => Number(status) >= 400)
        .map(([status, { content }]) => [
          status,
          Object.keys(content?.['application/problem+json']?.examples ?? {}).toSorted(),
        ]),
    );
  assert.deepEqual(errorsOf('/api/v1/things/{id}', 'patch'), {
    400: ['malformed_body', 'malformed_request', 'validation_failed'],
    401: ['reauth_required', 'unauthenticated'],
    403: ['email_unverified'],
    408: ['request_timeout'],
    409: ['name_taken'],
    413: ['body_too_large'],
    415: ['unsupported_media_type'],
    429: ['rate_limited'],
    500: ['internal_error'],
    503: ['unavailable'],
  });
  assert.deepEqual(errorsOf('/api/v1/things/{id}/parts', 'get'), {
    400: ['malformed_request'],
    500: ['internal_error'],
    503: ['unavailable'],
  });
});

test('who may call, what may be left out, and what is not there', async (t) => {
  const { app } = await testServer(t, options);
  const document: Document = (await app.inject('/openapi.json')).json();
  const { paths } = document;
  const signedIn = [{ bearer: [] }, { password: [] }];
  assert.deepEqual(paths['/api/v1/things/{id}']?.patch?.security, signedIn);
  assert.deepEqual(paths['/api/v1/things']?.get?.security, [{}, ...signedIn]);
  assert.equal(paths['/api/v1/things/{id}/parts']?.get?.security, undefined);
  assert.equal(paths['/api/v1/out']?.post?.requestBody?.required, false);
  assert.equal(paths['/api/v1/out']?.post?.requestBody?.content['application/json']?.schema.type, 'object');
  assert.equal(paths['/api/v1/things/{id}']?.patch?.requestBody?.required, true);
  const page = paths['/api/v1/things/{id}']?.patch?.parameters?.find(({ name }) => name === 'page');
  assert.notEqual(page?.required, true);
  for (const path of ['/api/v1/hidden', '/api/v1/elsewhere', '/docs/', '/redoc', '/openapi.json'])
    assert.equal(paths[path], undefined, path);
  const { password } = document.components.securitySchemes as {
    password: { flows: { password: { tokenUrl: string } } };
  };
  assert.equal(password.flows.password.tokenUrl, '/api/v1/auth/token');
});

test('the pages load nothing from elsewhere, and everything that they load is there', async (t) => {
  const { app } = await testServer(t, options);
  for (const path of ['/docs', '/docs/', '/redoc', '/docs/errors']) {
    const page = await app.inject(path);
    assert.equal(page.statusCode, 200, path);
    assert.match(String(page.headers['content-type']), /^text\/html/);
    assert.match(String(page.headers['content-security-policy']), /script-src 'self'/);
    assert.doesNotMatch(page.body, /<script>|(src|href)="(https?:)?\/\//);
    for (const [, url = ''] of page.body.matchAll(/(?:src|href)="([^"#]+)"/g)) {
      const { pathname } = new URL(url, `http://localhost${path}`);
      const file = await app.inject(pathname);
      assert.equal(file.statusCode, 200, `${url} of ${path}`);
      assert.ok(file.rawPayload.length > 0);
    }
  }
  const errors = (await app.inject('/docs/errors')).body;
  assert.match(errors, /id="name_taken"/);
});

test('switched off, there are no docs', async (t) => {
  const { app } = await testServer(t, { ...options, http: { docs: false } });
  for (const path of ['/docs', '/docs/', '/docs/errors', '/redoc', '/openapi.json', '/docs/json']) {
    assert.equal((await app.inject(path)).statusCode, 404, path);
  }
});
