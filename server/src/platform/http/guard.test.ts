import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { after, MINUTE } from '../clock.ts';
import { platformErrors } from '../errors.ts';
import type { Access, Actor } from './caller.ts';
import type { Authorize, Decision, Need } from './guard.ts';
import { ADA, assertProblem, NOW, personOf, testServer } from './http.testing.ts';
import type { HttpServer } from './routes.ts';

const LEVELS: Access[] = ['public', 'optional', 'signedIn', 'verified'];

function routes(app: HttpServer) {
  for (const access of LEVELS)
    app.get(`/${access}`, { config: { access } }, async ({ actor }) => ({ id: actor?.userId ?? null }));
  app.get('/fresh', { config: { access: 'signedIn', fresh: true } }, async () => ({}));
}

const tokens = {
  ada: ADA,
  unverified: { ...ADA, emailVerified: false },
  justFresh: personOf(ADA.userId, { authTime: after(NOW, -10 * MINUTE) }),
  stale: personOf(ADA.userId, { authTime: after(NOW, -10 * MINUTE - 1) }),
};

/** What each level says to nobody, to a bad token, to an unverified and to a verified user: a status, or the id in the answer. */
const TABLE: Record<string, (number | string | null)[]> = {
  public: [null, null, null, null],
  optional: [null, 401, ADA.userId, ADA.userId],
  signedIn: [401, 401, ADA.userId, ADA.userId],
  verified: [401, 401, 403, ADA.userId],
};

for (const [kind, authenticate] of [
  ['without a promise', undefined],
  [
    'with a promise',
    async ({ headers }: { headers: { authorization?: string } }) => {
      if (headers.authorization === undefined) return null;
      const actor = Object.entries(tokens).find(([token]) => headers.authorization === `Bearer ${token}`)?.[1];
      if (actor === undefined) throw platformErrors.unauthenticated();
      return actor;
    },
  ],
] as const) {
  test(`who may come in, ${kind}`, async (t) => {
    const { app } = await testServer(t, { routes, tokens, ...(authenticate && { authenticate }) });
    for (const [level, expected] of Object.entries(TABLE)) {
      const callers = [undefined, 'Bearer nonsense', 'Bearer unverified', 'Bearer ada'];
      for (const [i, authorization] of callers.entries()) {
        const headers = authorization === undefined ? {} : { authorization };
        const answer = await app.inject({ url: `/${level}`, headers });
        const want = expected[i];
        if (want === 401) assertProblem(answer, 401, 'unauthenticated');
        else if (want === 403) assertProblem(answer, 403, 'email_unverified');
        else assert.deepEqual(answer.json(), { id: want }, `${level} ${authorization}`);
      }
    }
  });
}

test('HEAD is guarded like the GET that it stands for', async (t) => {
  const { app } = await testServer(t, { routes, tokens });
  assert.equal((await app.inject({ method: 'HEAD', url: '/signedIn' })).statusCode, 401);
  assert.equal(
    (await app.inject({ method: 'HEAD', url: '/signedIn', headers: { authorization: 'Bearer ada' } })).statusCode,
    200,
  );
});

test('a fresh route asks for the password again after ten minutes', async (t) => {
  const { app } = await testServer(t, { routes, tokens });
  const get = (token: string) => app.inject({ url: '/fresh', headers: { authorization: `Bearer ${token}` } });
  assert.equal((await get('justFresh')).statusCode, 200);
  const refused = await get('stale');
  assertProblem(refused, 401, 'reauth_required');
  assert.equal(refused.headers['www-authenticate'], 'Bearer error="insufficient_user_authentication", max_age="600"');
});

test('Bearer failures carry the challenge of RFC 6750', async (t) => {
  const { app } = await testServer(t, { routes, tokens });
  assert.equal((await app.inject('/signedIn')).headers['www-authenticate'], 'Bearer');
  const bad = await app.inject({ url: '/signedIn', headers: { authorization: 'Bearer nonsense' } });
  assert.equal(bad.headers['www-authenticate'], 'Bearer error="invalid_token"');
});

test('the body of a refused request is not even parsed', async (t) => {
  const { app } = await testServer(t, {
    routes: (server) => void server.post('/closed', { config: { access: 'signedIn' } }, async () => ({})),
  });
  const headers = { 'content-type': 'application/json' };
  assertProblem(await app.inject({ method: 'POST', url: '/closed', payload: '{"a', headers }), 401, 'unauthenticated');
});

test('an authenticate that breaks is a 500, not a way in', async (t) => {
  const authenticate = () => {
    throw new Error('no keys');
  };
  const { app } = await testServer(t, { routes, authenticate });
  assertProblem(await app.inject('/signedIn'), 500, 'internal_error');
  assertProblem(await app.inject('/optional'), 500, 'internal_error');
});

describe('permissions and roles', () => {
  const held: Record<string, string[]> = { ada: ['GET:/thing/{id}', 'role:chief'], both: ['role:chief', 'role:cook'] };
  const people = Object.keys({ ...held, nobody: [] });
  const tokensOf = Object.fromEntries(people.map((name) => [name, personOf(name)]));
  const holds = (actor: Actor, what: string) => held[actor.subject.id]?.includes(what) === true;
  const may = (actor: Actor, need: Need) => {
    if ('permission' in need) return holds(actor, need.permission);
    if ('anyRole' in need) return need.anyRole.some((role) => holds(actor, `role:${role}`));
    return need.allRoles.every((role) => holds(actor, `role:${role}`));
  };
  const answer: (...asked: Parameters<Authorize>) => Decision = (actor, need) =>
    may(actor, need) ? 'granted' : 'not_granted';
  const guarded = (app: HttpServer) => {
    app.get('/thing/:id', { config: { access: 'permission' } }, async () => ({}));
    app.post('/thing/:id', { config: { access: 'permission' } }, async () => ({}));
    app.get('/fresh/:id', { config: { access: 'permission', fresh: true } }, async () => ({}));
    app.get('/any', { config: { access: { anyRole: ['chief', 'cook'] } } }, async () => ({}));
    app.get('/all', { config: { access: { allRoles: ['chief', 'cook'] } } }, async () => ({}));
  };
  /** Status for ada, both, nobody. */
  const table: [method: 'GET' | 'HEAD' | 'POST', url: string, statuses: number[]][] = [
    ['GET', '/thing/7', [200, 403, 403]],
    ['HEAD', '/thing/7', [200, 403, 403]],
    ['POST', '/thing/7', [403, 403, 403]],
    ['GET', '/any', [200, 200, 403]],
    ['GET', '/all', [403, 200, 403]],
  ];

  for (const [kind, authorize] of [
    ['known at once', answer],
    ['found out', async (...asked: Parameters<Authorize>) => answer(...asked)],
  ] satisfies [string, Authorize][]) {
    test(`a permission or role that is ${kind}`, async (t) => {
      const { app } = await testServer(t, { routes: guarded, tokens: tokensOf, authorize });
      for (const [method, url, statuses] of table) {
        assertProblem(await app.inject({ method: method === 'HEAD' ? 'GET' : method, url }), 401, 'unauthenticated');
        for (const [i, name] of people.entries()) {
          const said = await app.inject({ method, url, headers: { authorization: `Bearer ${name}` } });
          assert.equal(said.statusCode, statuses[i], `${name} ${method} ${url}`);
          if (said.statusCode === 403 && method !== 'HEAD') assertProblem(said, 403, 'forbidden');
        }
      }
    });
  }

  test('what is not the word that admits refuses, and a failure without an error is one', async (t) => {
    const headers = { authorization: 'Bearer ada' };
    const answers: [unknown, number][] = [
      [false, 403],
      [true, 403],
      [undefined, 403],
      [Promise.resolve(false), 403],
    ];
    for (const [said, status] of answers) {
      const authorize = (() => said) as unknown as Authorize;
      const { app } = await testServer(t, { routes: guarded, tokens: tokensOf, authorize });
      assert.equal((await app.inject({ url: '/thing/7', headers })).statusCode, status, String(said));
    }
    for (const authorize of [
      () => Promise.reject(undefined),
      () => {
        throw undefined;
      },
    ] as Authorize[]) {
      const { app } = await testServer(t, { routes: guarded, tokens: tokensOf, authorize });
      assert.equal((await app.inject({ url: '/thing/7', headers })).statusCode, 500);
    }
  });

  test('an answer that fails is a 500, not a way in', async (t) => {
    for (const authorize of [
      () => Promise.reject(new Error('away')),
      () => {
        throw new Error('away');
      },
    ]) {
      const { app } = await testServer(t, { routes: guarded, tokens: tokensOf, authorize });
      const headers = { authorization: 'Bearer ada' };
      assertProblem(await app.inject({ url: '/thing/7', headers }), 500, 'internal_error');
    }
  });

  test('roles may count only for what the path names', async (t) => {
    const seen: unknown[] = [];
    const authorize: Authorize = (_actor, _need, path) => {
      seen.push({ ...path });
      return path.id === '7' ? 'granted' : 'not_granted';
    };
    const { app } = await testServer(t, { routes: guarded, tokens: tokensOf, authorize });
    const headers = { authorization: 'Bearer ada' };
    const status = async (url: string) => (await app.inject({ url, headers })).statusCode;
    assert.deepEqual(
      [await status('/thing/7'), await status('/thing/8?id=7'), await status('/thing/%37'), await status('/any')],
      [200, 403, 200, 403],
    );
    // Without parameters there is none, and nothing of the query.
    assert.deepEqual(seen, [{ id: '7' }, { id: '8' }, { id: '7' }, {}]);
  });

  test('who may not do it at all is not asked for the password', async (t) => {
    const authTime = after(NOW, -11 * MINUTE);
    const { app } = await testServer(t, {
      routes: guarded,
      tokens: { stale: personOf(ADA.userId, { authTime }), weak: personOf('weak', { authTime }) },
      authorize: (actor) => (actor.userId === ADA.userId ? 'granted' : 'not_granted'),
    });
    const get = (name: string) => app.inject({ url: '/fresh/7', headers: { authorization: `Bearer ${name}` } });
    assertProblem(await get('stale'), 401, 'reauth_required');
    assertProblem(await get('weak'), 403, 'forbidden');
  });
});
