import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { REFRESH_TOKEN_FORM } from '../src/modules/sessions/refresh-token.ts';
import { ACCESS_TOKEN_FORM } from '../src/modules/sessions/session-credentials.ts';
import { FLOW_TOKEN_FORM } from '../src/modules/sign-in/flow-token.ts';
import type { Subject } from '../src/platform/http/caller.ts';
import { withWorld } from './administration.ts';
import { openTestApp } from './app.ts';
import { createClient, ok, type SignedInBody } from './client.ts';
import { makeEvent } from './fixtures.ts';
import { madeUpCredentials } from './made-up-credentials.ts';
import { PRODUCT, split } from './matrix/access-table.ts';
import { hasParameters, makeThing, pathTo } from './matrix/objects.ts';
import { ask, createWorld, member, newRole, type World } from './matrix/world.ts';
import { freshSqlite, refused, somebody, withScene } from './scenario.ts';

const KINDS = ['oauth', 'client'] as const;
const person = (id: string): Subject => ({ kind: 'person', id });
/** The id of the superadmin. */
const rootOf = async (w: World) =>
  (await w.client.send('GET', '/users/me', { token: w.root })).json<{ id: string }>().id;

describe('whoami', () => {
  test('says what the server makes of a session, and of nothing, and of rubbish', () =>
    withScene(async (s) => {
      const { accessToken: token, session, user } = await s.client.register(somebody());
      const said = ok<Record<string, unknown>>(await s.client.send('GET', '/auth/whoami', { token }), 200);
      const at = s.time.now.toISOString();
      assert.deepEqual(said, {
        subject: { kind: 'person', id: user.id },
        credential: {
          kind: 'session',
          id: session.id,
          clientId: 'ostiary',
          expiresAt: new Date(s.time.now.getTime() + 900_000).toISOString(),
        },
        organizationId: null,
        scopes: null,
        assurance: { aal: 1, phishingResistant: false, methods: ['email'], authTime: at },
        actingFor: null,
      });
      refused(await s.client.send('GET', '/auth/whoami'), 401, 'unauthenticated');
      for (const bad of ['x', 'made-up-client-0', 'a.b.c', `${token}x`]) {
        refused(await s.client.send('GET', '/auth/whoami', { token: bad }), 401, 'unauthenticated');
      }
    }));

  test('says it of kinds that are not sessions', async () => {
    const made = madeUpCredentials();
    await withWorld(
      async (w) => {
        const { userId } = await member(w);
        const scopes = ['GET:/api/v1/admin/*', 'role:chief'];
        const token = made.token({ kind: 'client', subject: person(userId), scopes });
        const said = ok<Record<string, unknown>>(await w.client.send('GET', '/auth/whoami', { token }), 200);
        assert.deepEqual([said.subject, said.scopes], [person(userId), scopes]);
        assert.deepEqual((said.credential as { kind: string }).kind, 'client');
      },
      { credentials: made.kinds },
    );
  });
});

test('each token of the server has one form, its own', () =>
  withScene(async (s) => {
    const person = somebody();
    const { accessToken, refreshToken, user } = await s.client.register(person);
    const { users } = s.app.storage;
    const { version } = (await users.find(user.id)) ?? assert.fail();
    const unverified = makeEvent(`user:${user.id}`, { pending: false, evicts: true });
    await users.patchProfile({ id: user.id, version, now: s.time.now }, { emailVerified: false }, unverified);
    const asked = await s.client.send('POST', '/auth/refresh', { body: { refreshToken } });
    const { flowToken } = refused(asked, 403, 'step_required');
    const tokens = { 'access token': accessToken, 'refresh token': refreshToken, 'flow token': flowToken };
    const forms = [ACCESS_TOKEN_FORM, REFRESH_TOKEN_FORM, FLOW_TOKEN_FORM];
    for (const [name, token] of Object.entries(tokens)) {
      const taken = forms.filter(({ matches }) => matches(String(token)));
      assert.deepEqual(
        taken.map((form) => form.name),
        [name],
      );
    }
  }));

describe('credentials of kinds that do not exist yet, at every route of the server', () => {
  const made = madeUpCredentials();
  let w: World;
  let drop: () => Promise<void>;
  before(async () => {
    const fresh = await freshSqlite();
    drop = fresh.drop;
    const t = await openTestApp({ databaseUrl: fresh.url, credentials: made.kinds });
    w = await createWorld({ ...t, client: createClient(t), databaseUrl: fresh.url });
  });
  after(async () => {
    await w.close();
    await drop();
  });

  for (const [code, rule] of Object.entries(PRODUCT)) {
    if (rule.access === 'public' || rule.access === 'byToken') continue;
    test(code, async () => {
      const { method, path } = split(code);
      const thing = hasParameters(path) ? await makeThing(w, path) : { parameters: {} };
      const target = `${pathTo(path, thing)}${rule.query ?? ''}`;
      const root = await rootOf(w);
      for (const kind of KINDS) {
        // As wide as can be: everything that a superadmin may, in every scope.
        for (const scopes of [['*'], ['*', code]]) {
          const token = made.token({ kind, subject: person(root), scopes });
          const answer = await ask(w, method, target, token);
          if (rule.access !== 'permission' || rule.fresh === true) {
            if (code === 'GET:/api/v1/auth/whoami') assert.equal(answer.statusCode, 200);
            else refused(answer, 403, 'credential_refused');
          } else assert.ok(answer.statusCode !== 401 && answer.statusCode !== 403, `${kind} ${answer.body}`);
        }
        // Limited to something else: nothing is admitted, and the answer says which scope would do.
        const narrow = made.token({ kind, subject: person(root), scopes: ['GET:/elsewhere'] });
        const answer = await ask(w, method, target, narrow);
        if (rule.access === 'permission') {
          refused(answer, 403, 'scope_insufficient');
          const challenge = `Bearer error="insufficient_scope", scope="${code}"`;
          assert.equal(answer.headers['www-authenticate'], challenge);
        }
        // Without a role that grants it, scopes give nothing.
        const { userId: nobody } = await member(w);
        const powerless = made.token({ kind, subject: person(nobody), scopes: ['*', code] });
        if (rule.access === 'permission') refused(await ask(w, method, target, powerless), 403, 'forbidden');
        // Nor does the id of a superadmin to a service account of the same id.
        const service = made.token({ kind, subject: { kind: 'service', id: root }, scopes: ['*', code] });
        if (rule.access === 'permission') refused(await ask(w, method, target, service), 403, 'forbidden');
      }
    });
  }
});

describe('what a credential hands on', () => {
  const scoped = (
    made: ReturnType<typeof madeUpCredentials>,
    userId: string,
    scopes: readonly string[],
    roleIds: readonly string[] = [],
  ) => made.token({ kind: 'client', subject: person(userId), scopes, roleIds });

  test('lies within its scopes, a superadmin’s, too', async () => {
    const made = madeUpCredentials();
    await withWorld(
      async (w) => {
        const root = await rootOf(w);
        const roles = ['POST:/api/v1/admin/roles', 'PUT:/api/v1/admin/users/{id}/roles'];
        const token = scoped(made, root, [...roles, 'GET:/api/v1/admin/events']);
        let n = 0;
        const make = (permissions: string[]) => {
          n += 1;
          const body = { code: `made_${n}`, name: 'Made', permissions };
          return w.client.send('POST', '/admin/roles', { token, body });
        };
        ok(await make(['GET:/api/v1/admin/events']), 201);
        for (const wide of [['*'], ['GET:/api/v1/admin/users'], ['GET:/api/v1/admin/*'], ['*:/api/v1/admin/events']]) {
          refused(await make(wide), 403, 'power_exceeded');
        }
        const { userId } = await member(w);
        const give = (given: string[]) =>
          w.client.send('PUT', `/admin/users/${userId}/roles`, { token, body: { roles: given } });
        for (const given of [
          ['superadmin'],
          ['admin'],
          [await newRole(w, { permissions: ['GET:/api/v1/admin/jobs'] })],
        ]) {
          refused(await give(given), 403, 'power_exceeded');
        }
        ok(await give(['user', await newRole(w, { permissions: ['GET:/api/v1/admin/events'] })]), 200);
        // Not even one that may everything makes somebody who may without end.
        const all = scoped(made, root, ['*']);
        const answer = await w.client.send('PUT', `/admin/users/${userId}/roles`, {
          token: all,
          body: { roles: ['superadmin'] },
        });
        refused(answer, 403, 'power_exceeded');
        made.revoke(token);
        refused(await make(['GET:/api/v1/admin/events']), 401, 'unauthenticated');
      },
      { credentials: made.kinds },
    );
  });

  test('tells by which credential it was done', async () => {
    const made = madeUpCredentials();
    await withWorld(
      async (w) => {
        const root = await rootOf(w);
        const token = scoped(made, root, ['*']);
        const body = { code: 'told', name: 'Told' };
        const { id } = ok<{ id: string }>(await w.client.send('POST', '/admin/roles', { token, body }), 201);
        const events = ok<{ items: { actor: { id: string }; details: { via?: string } }[] }>(
          await w.client.send('GET', `/admin/events?target=role:${id}`, { token: w.root }),
          200,
        );
        assert.deepEqual(
          events.items.map(({ actor, details }) => [actor.id, details.via]),
          [[root, `client:${token}`]],
        );
      },
      { credentials: made.kinds },
    );
  });

  test('a kind that nobody has declared is nobody', async () => {
    const made = madeUpCredentials();
    await withWorld(async (w) => {
      const root = await rootOf(w);
      const token = scoped(made, root, ['*']);
      refused(await w.client.send('GET', '/admin/users', { token }), 401, 'unauthenticated');
    });
  });

  test('a guard by roles asks for the role and for its scope', async () => {
    const made = madeUpCredentials();
    await withWorld(
      async (w) => {
        const [chief, cook] = [await newRole(w, { code: 'chief' }), await newRole(w, { code: 'cook' })];
        const { userId } = await member(w, [chief, cook]);
        const root = await rootOf(w);
        const status = async (path: string, subjectId: string, scopes: string[], roleIds: string[]) =>
          (await w.client.send('GET', path, { token: scoped(made, subjectId, scopes, roleIds) })).statusCode;
        const table: [path: string, scopes: string[], roleIds: string[], status: number][] = [
          ['/api/v1/any', ['role:chief'], [chief], 200],
          ['/api/v1/any', ['role:chief'], [cook], 403],
          ['/api/v1/any', ['role:cook'], [chief], 403],
          ['/api/v1/any', ['*'], [chief, cook], 403],
          ['/api/v1/any', ['*:/api/v1/*'], [chief, cook], 403],
          ['/api/v1/all', ['role:chief', 'role:cook'], [chief, cook], 200],
          ['/api/v1/all', ['role:chief'], [chief, cook], 403],
          ['/api/v1/all', ['role:chief', 'role:cook'], [chief], 403],
        ];
        for (const [path, scopes, roleIds, expected] of table) {
          assert.equal(await status(path, userId, scopes, roleIds), expected, `${path} ${scopes} ${roleIds}`);
        }
        assert.equal(await status('/api/v1/any', root, ['role:cook'], []), 200, 'superadmins have every role');
        assert.equal(await status('/api/v1/all', root, ['role:cook'], []), 403, 'within their scopes');
      },
      {
        credentials: made.kinds,
        routes(app) {
          app.get('/api/v1/any', { config: { access: { anyRole: ['chief', 'cook'] } } }, async () => ({}));
          app.get('/api/v1/all', { config: { access: { allRoles: ['chief', 'cook'] } } }, async () => ({}));
        },
      },
    );
  });
});

test('a key is never taken where a session is asked for, though its person has one', () =>
  withScene(async (s) => {
    const { accessToken } = (await s.client.register(somebody())) as SignedInBody;
    // The form of a token decides who reads it: one kind's token is no other kind's.
    for (const token of [`${accessToken}.x`, accessToken.replaceAll('.', ''), `ost_pat_${accessToken}`]) {
      refused(await s.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
    }
  }));
