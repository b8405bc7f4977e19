import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FastifyContextConfig } from 'fastify';
import { Type } from 'typebox';
import { createRouteCatalogue } from './catalogue.ts';
import { openObjects } from './closed-schemas.ts';
import { assertProblem, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';

const refusedStart = (routes: (app: HttpServer) => unknown, message: RegExp) => (t: TestContext) =>
  assert.rejects(
    testServer(t, { routes }).then(({ app }) => app.ready()),
    { name: 'TypeError', message },
  );

test(
  'a route without access stops the start and is named',
  refusedStart((app) => app.get('/open', async () => ({})), /GET \/open declares no access/),
);

test(
  'also inside a plugin with a prefix',
  refusedStart(
    (app) => app.register(async (scope: HttpServer) => void scope.post('/x', async () => ({})), { prefix: '/api' }),
    /POST \/api\/x declares no access/,
  ),
);

test(
  'an unknown error code stops the start',
  refusedStart(
    (app) => app.get('/x', { config: { access: 'public', errors: ['not_a_code'] } }, async () => ({})),
    /GET \/x names an unknown error code, "not_a_code"/,
  ),
);

test(
  'a body that takes unknown fields stops the start',
  refusedStart((app) => {
    const body = Type.Object({ list: Type.Array(Type.Object({ a: Type.String() })) }, { additionalProperties: false });
    app.post('/x', { config: { access: 'public' }, schema: { body } }, async () => ({}));
  }, /POST \/x takes unknown fields.*body at \/properties\/list\/items/),
);

test(
  'so does such a query',
  refusedStart((app) => {
    const querystring = Type.Object({ a: Type.Optional(Type.String()) });
    app.get('/x', { config: { access: 'public' }, schema: { querystring } }, async () => ({}));
  }, /querystring at \//),
);

for (const [part, path, field] of [
  ['querystring', '/x', Type.Integer({ minimum: 1 })],
  ['querystring', '/x', Type.Integer({ maximum: 9 })],
  ['querystring', '/x', Type.Number({ minimum: 1, maximum: 9 })],
  ['querystring', '/x', Type.Union([Type.Integer({ minimum: 1, maximum: 9 }), Type.Null()])],
  ['querystring', '/x', Type.Array(Type.Integer({ minimum: 1, maximum: 9 }))],
  ['params', '/x/:n', Type.Integer()],
] as const) {
  test(
    `a ${part} that takes any number stops the start: ${JSON.stringify(field)}`,
    refusedStart(
      (app) => {
        const schema = Type.Object({ n: field }, { additionalProperties: false });
        app.get(path, { config: { access: 'public' }, schema: { [part]: schema } }, async () => ({}));
      },
      new RegExp(`takes any number.*in its ${part} at n`),
    ),
  );
}

test(
  'fresh without credentials stops the start',
  refusedStart(
    (app) => app.get('/x', { config: { access: 'optional', fresh: true } }, async () => ({})),
    /GET \/x demands a fresh sign-in/,
  ),
);

for (const [what, config, says] of [
  ['sensitive without a permission', { access: 'signedIn', sensitive: true }, /GET \/x has no permission of its own/],
  ['former codes without a permission', { access: 'public', formerly: ['GET:/y'] }, /no permission of its own/],
  ['a guard that names no role', { access: { anyRole: [] } }, /GET \/x names no role/],
] satisfies [string, FastifyContextConfig, RegExp][]) {
  test(
    `${what} stops the start`,
    refusedStart((app) => app.get('/x', { config }, async () => ({})), says),
  );
}

test(
  'one permission for several methods stops the start',
  refusedStart(
    (app) =>
      app.route({ method: ['PUT', 'PATCH'], url: '/x', config: { access: 'permission' }, handler: async () => ({}) }),
    /PUT,PATCH \/x has several methods/,
  ),
);

test(
  'a permission for a path with a wildcard stops the start',
  refusedStart(
    (app) => app.get('/files/*', { config: { access: 'permission' } }, async () => ({})),
    /GET \/files\/\* has a wildcard/,
  ),
);

test('the catalogue has every route that exists here, once, as it was declared', async (t) => {
  const catalogue = createRouteCatalogue();
  await testServer(t, {
    catalogue,
    routes: (app) => {
      app.get(
        '/a/:id',
        { config: { access: 'permission', formerly: ['GET:/b'] }, schema: { summary: 'One' } },
        async () => ({}),
      );
      app.delete('/a/:id', { config: { access: 'permission', sensitive: true } }, async () => ({}));
      app.get('/elsewhere', { config: { access: 'public', environments: ['production'] } }, async () => ({}));
    },
  });
  const path = '/a/{id}';
  const ours = catalogue.list().filter((route) => route.path === path || route.path === '/elsewhere');
  assert.deepEqual(ours, [
    {
      method: 'DELETE',
      path,
      code: 'DELETE:/a/{id}',
      formerly: [],
      summary: null,
      access: 'permission',
      sensitive: true,
      admitsMachines: true,
    },
    {
      method: 'GET',
      path,
      code: 'GET:/a/{id}',
      formerly: ['GET:/b'],
      summary: 'One',
      access: 'permission',
      sensitive: false,
      admitsMachines: true,
    },
  ]);
});

test('two limits of one name that differ stop the start', async (t) => {
  const limit = { name: 'a', points: 1, duration: 60 };
  const routes = (app: HttpServer) => {
    app.get('/x', { config: { access: 'public', limit } }, async () => ({}));
    app.get('/y', { config: { access: 'public', limit: { ...limit, points: 2 } } }, async () => ({}));
  };
  const rateLimits = { enabled: true, default: { points: 1, duration: 1 } };
  await assert.rejects(testServer(t, { routes, rateLimits }), /limit "a" is declared twice/);
});

test('open objects are found wherever a schema can hide them', () => {
  const open = { type: 'object', properties: {} };
  const places = [
    { anyOf: [open] },
    { type: 'array', items: open },
    { type: 'object', additionalProperties: false, patternProperties: { '^a': open } },
    { type: ['object', 'null'], properties: {} },
    { if: open },
    { content: { 'application/json': { schema: open } } },
    { type: 'object', additionalProperties: open },
  ];
  for (const schema of places) assert.notDeepEqual(openObjects(schema), [], JSON.stringify(schema));
  assert.deepEqual(
    openObjects({ type: 'object', additionalProperties: false, properties: { a: { type: 'string' } } }),
    [],
  );
});

test('a route for some environments is no route elsewhere', async (t) => {
  const routes = (app: HttpServer) => {
    const config = { access: 'public', environments: ['development'] } as const;
    app.get('/dev/:name', { config }, async () => ({ here: true }));
  };
  const development = await testServer(t, { routes, config: { environment: 'development' } });
  assert.deepEqual((await development.app.inject('/dev/mail')).json(), { here: true });
  const production = await testServer(t, { routes, config: { environment: 'production' } });
  assertProblem(await production.app.inject('/dev/mail'), 404, 'not_found');
  assert.equal((await production.app.inject({ method: 'HEAD', url: '/dev/mail' })).statusCode, 404);
  assertProblem(await production.app.inject({ method: 'POST', url: '/dev/mail' }), 404, 'not_found');
});
