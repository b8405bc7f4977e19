import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openTestApp } from './app.ts';
import { collectRoutes } from './fuzz/routes.ts';
import { type AccessTable, DOCS, differences, merged, PRODUCT, split } from './matrix/access-table.ts';
import { type Caller, type Cast, createCast } from './matrix/cast.ts';
import { assertRow } from './matrix/cells.ts';
import { hasParameters, makeThing, pathTo } from './matrix/objects.ts';
import { outcomeOf } from './matrix/outcome.ts';
import { ask, createWorld, member, type World } from './matrix/world.ts';
import { freshSqlite, openScene, refused, type Scene } from './scenario.ts';

const TABLE: AccessTable = { ...PRODUCT, ...DOCS };

const codesOf = ({ app }: Pick<Scene, 'app'>) => app.catalogue.list().map(({ code }) => code);

describe('the table knows every route', () => {
  for (const [docs, table] of Object.entries({ on: TABLE, off: PRODUCT })) {
    test(`with DOCS=${docs}; the catalogue has all that was registered`, async () => {
      const { opened: s, routes } = await collectRoutes(() => openScene({ env: { DOCS: docs } }));
      try {
        assert.deepEqual(differences(table, codesOf(s)), []);
        const registered = routes
          .filter(({ method }) => method !== 'HEAD' && method !== 'OPTIONS')
          .map(({ method, url }) => `${method}:${url.replace(/:(\w+)/g, '{$1}')}`);
        assert.deepEqual([...new Set(registered)].sort(), codesOf(s).sort());
      } finally {
        await s.close();
      }
    });
  }

  test('a route that it does not know fails the run, and one that is gone', async () => {
    const { url: databaseUrl, drop } = await freshSqlite();
    const t = await openTestApp({
      databaseUrl,
      routes: (app) => app.get('/api/v1/newest', { config: { access: 'public' } }, async () => ({})),
    });
    try {
      assert.deepEqual(differences(PRODUCT, codesOf(t)), ['GET:/api/v1/newest: not in the table']);
      const known = Object.keys(PRODUCT);
      assert.deepEqual(differences(PRODUCT, known.slice(1)), [`${known[0]}: no such route`]);
    } finally {
      await t.close();
      await drop();
    }
  });
});

test('a route that two tables tell of fails the run', () => {
  assert.throws(() => merged([PRODUCT, { 'GET:/health': { access: 'public', admitted: 200 } }]), /GET:\/health/);
});

describe('every route, asked by everybody', () => {
  let w: World;
  let cast: Cast;
  before(async () => {
    w = await createWorld(await openScene({ env: { DOCS: 'on' } }));
    cast = createCast(w);
  });
  after(() => w.close());

  for (const code of Object.keys(TABLE)) test(code, () => assertRow(w, cast, TABLE, code));

  test('to erase somebody takes a fresh sign-in besides the permission', async () => {
    const path = '/api/v1/admin/users/{id}';
    await cast.aimAt(`DELETE:${path}`, []);
    const thing = await makeThing(w, path);
    const asked = async (caller: Caller) =>
      ask(w, 'DELETE', `${pathTo(path, thing)}?erase=true`, await cast.token(caller));
    assert.equal(outcomeOf(await asked('user')), 'forbidden');
    assert.equal(outcomeOf(await asked('stale sign-in')), 'reauth_required');
    assert.equal((await ask(w, 'GET', '/api/v1/users/me', thing.owner)).statusCode, 200);
    assert.equal((await asked('exact role')).statusCode, 204);
  });

  test('administrators are told of each what the table says', async () => {
    const said = w.app.catalogue.list().map(({ code, access, sensitive }) => [code, access, sensitive]);
    const wanted = Object.entries(TABLE).map(([code, { access, sensitive = false }]) => [
      code,
      access === 'byToken' ? 'public' : access,
      sensitive,
    ]);
    assert.deepEqual(said.sort(), wanted.sort());
  });
});

describe('what belongs to somebody else', () => {
  let w: World;
  before(async () => {
    w = await createWorld(await openScene());
  });
  after(() => w.close());

  for (const [code, { access, query = '' }] of Object.entries(PRODUCT)) {
    const { method, path } = split(code);
    if (!hasParameters(path)) continue;
    test(code, async () => {
      const thing = await makeThing(w, path);
      const target = pathTo(path, thing) + query;
      const before = await thing.record();
      assert.ok(before);
      const { token: stranger } = await member(w);
      const answer = await ask(w, method, target, stranger);
      if (access === 'permission') {
        refused(answer, 403, 'forbidden');
        // It being their own gives nobody the administrator's view of it.
        refused(await ask(w, method, target, thing.owner), 403, 'forbidden');
      } else assert.equal(answer.statusCode, 404, answer.body);
      assert.deepEqual(await thing.record(), before);
      assert.equal((await ask(w, 'GET', '/api/v1/users/me', thing.owner)).statusCode, 200);
    });
  }

  test('a session of somebody else is as one that there is not; its owner may end it', async () => {
    const thing = await makeThing(w, '/api/v1/sessions/{id}');
    const { token: stranger } = await member(w);
    const theirs = pathTo('/api/v1/sessions/{id}', thing);
    const none = theirs.replace(/.{4}$/, 'ffff');
    const [told, nothing] = [await ask(w, 'DELETE', theirs, stranger), await ask(w, 'DELETE', none, stranger)];
    const problem = refused(told, 404, 'session_not_found');
    assert.deepEqual({ ...refused(nothing, 404, 'session_not_found'), requestId: problem.requestId }, problem);
    assert.equal((await ask(w, 'DELETE', theirs, thing.owner)).statusCode, 204);
    assert.equal(outcomeOf(await ask(w, 'GET', '/api/v1/users/me', thing.owner)), 'unauthenticated');
  });

  test('a parameter that nobody has explained fails the run', async () => {
    assert.throws(() => makeThing(w, '/api/v1/things/{id}'), /not known/);
    assert.throws(() => pathTo('/api/v1/admin/users/{id}/{other}', { parameters: { id: 'x' } }), /Nothing is known/);
  });
});
