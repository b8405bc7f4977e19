import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MINUTE } from '../src/platform/clock.ts';
import { admin } from './administration.ts';
import { openTestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { inDays, type Key, keyBody, type MadeKey, ROLES, ROUTES, service, serviceKey, use } from './key-verbs.ts';
import { createWorld, freshRoot, member, newRole, signIn, type World } from './matrix/world.ts';
import { atOnce, freshSqlite, refused, tally } from './scenario.ts';

interface Account {
  id: string;
  name: string;
  description: string | null;
  enabled: boolean;
  roles: string[];
  ownerIds: string[];
  version: number;
}

const ACCOUNTS = '/admin/service-accounts';
const [MAKE, CHANGE, GIVE, REMOVE] = [
  'POST:/api/v1/admin/service-accounts',
  'PATCH:/api/v1/admin/service-accounts/{id}',
  'PUT:/api/v1/admin/service-accounts/{id}/roles',
  'DELETE:/api/v1/admin/service-accounts/{id}',
];
const MAKE_KEY = 'POST:/api/v1/admin/service-accounts/{id}/keys';

/** One server for all of these: each test makes accounts of its own. */
let w: World;
let close: () => Promise<void>;
before(async () => {
  const { url: databaseUrl, drop } = await freshSqlite();
  const t = await openTestApp({ databaseUrl });
  w = await createWorld({ ...t, client: createClient(t), databaseUrl });
  close = async () => {
    await t.close();
    await drop();
  };
});
after(() => close());

const send = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, token: string, body?: object) =>
  w.client.send(method, path, { token, ...(body && { body }) });
const root = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object) =>
  send(method, `${ACCOUNTS}${path}`, await freshRoot(w), body);

describe('a service account', () => {
  test('acts by its keys alone, within its roles and their scopes', async () => {
    const { secret, accountId, roleId, key } = await service(w, [ROUTES, ROLES], { scopes: [ROUTES] });
    assert.match(secret, /^ost_svc_/);
    ok(await use(w, secret), 200);
    refused(await send('GET', '/admin/roles', secret), 403, 'scope_insufficient');
    const said = ok<Record<string, unknown>>(await send('GET', '/auth/whoami', secret), 200);
    assert.deepEqual([said.subject, said.scopes], [{ kind: 'service', id: accountId }, [ROUTES]]);
    assert.deepEqual(said.credential, { kind: 'key', id: key.id, clientId: 'ostiary', expiresAt: inDays(w, 30) });
    refused(await send('GET', '/users/me', secret), 403, 'credential_refused');
    ok(await admin(w, 'PATCH', `/roles/${roleId}`, { permissions: [ROLES] }), 200);
    refused(await use(w, secret), 403, 'forbidden');
    ok(await root('PUT', `/${accountId}/roles`, { roles: ['admin'] }), 200);
    ok(await use(w, secret), 200);
  });

  test('is listed, changed, disabled, enabled and deleted, with its keys', async () => {
    const { secret, accountId: id } = await service(w);
    const read = async () => ok<Account>(await root('GET', `/${id}`), 200);
    const { enabled, ownerIds, version } = await read();
    assert.deepEqual([enabled, ownerIds, version], [true, [w.superadmin.userId], 1]);
    const listed = ok<{ items: Account[] }>(await root('GET', '?pageSize=100'), 200).items;
    assert.ok(listed.some((account) => account.id === id));
    const { userId } = await member(w);
    const changed = ok<Account>(
      await root('PATCH', `/${id}`, { name: ' Export ', description: 'By night', ownerIds: [userId] }),
      200,
    );
    assert.deepEqual([changed.name, changed.description, changed.ownerIds], ['Export', 'By night', [userId]]);
    ok(await root('PATCH', `/${id}`, { enabled: false }), 200);
    refused(await use(w, secret), 401, 'unauthenticated');
    const [suspended] = ok<{ items: Key[] }>(await root('GET', `/${id}/keys`), 200).items;
    assert.equal(suspended?.state, 'suspended');
    ok(await root('PATCH', `/${id}`, { enabled: true }), 200);
    ok(await use(w, secret), 200);
    ok(await root('DELETE', `/${id}`), 204);
    refused(await use(w, secret), 401, 'unauthenticated');
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/keys'],
    ] as const)
      refused(await root(method, `/${id}${path}`), 404, 'service_account_not_found');
    await w.work();
    assert.deepEqual(await w.app.storage.apiKeys.listOf(id, 9), []);
  });

  test('is changed as it was read, or not', async () => {
    const { accountId: id } = await service(w);
    const token = await freshRoot(w);
    const patch = (version: number) =>
      w.client.send('PATCH', `${ACCOUNTS}/${id}`, {
        token,
        body: { name: 'x' },
        headers: { 'if-match': `"${version}"` },
      });
    ok(await patch(1), 200);
    refused(await patch(1), 412, 'version_conflict');
    ok(await patch(2), 200);
  });

  test('cannot be a superadmin, nor have owners or roles that there are not', async () => {
    const wrong = async (body: object, path: string) => {
      const problem = refused(await root('POST', '', { name: 'x', ...body }), 400, 'validation_failed');
      assert.deepEqual(
        problem.errors?.map((fault) => fault.path),
        [path],
      );
    };
    await wrong({ roles: ['user', 'superadmin'] }, '/roles/1');
    await wrong({ roles: ['no-such-role'] }, '/roles/0');
    await wrong({ ownerIds: ['x'] }, '/ownerIds/0');
    const { accountId: id } = await service(w);
    refused(await root('PUT', `/${id}/roles`, { roles: ['superadmin'] }), 400, 'validation_failed');
    const { userId } = await member(w);
    ok(await admin(w, 'POST', `/users/${userId}/deactivate`), 200);
    refused(await root('PATCH', `/${id}`, { ownerIds: [userId] }), 400, 'validation_failed');
  });

  test('shows in the audit log, as actor and as target', async () => {
    const { accountId: id, secret, key } = await service(w, [ROUTES, 'POST:/api/v1/admin/roles']);
    const { secret: maker } = await serviceKey(w, id, { scopes: ['POST:/api/v1/admin/roles', ROUTES] });
    const made = ok<{ id: string }>(
      await send('POST', '/admin/roles', maker, { code: 'by_service', name: 'By a service', permissions: [ROUTES] }),
      201,
    );
    type Events = { items: { type: string; actor: { id: string }; details: { via?: string } }[] };
    const events = async (query: string) => ok<Events>(await admin(w, 'GET', `/events?${query}`), 200).items;
    const [created] = await events(`target=role:${made.id}`);
    assert.equal(created?.actor.id, id);
    assert.match(created?.details.via ?? '', /^key:/);
    assert.equal((await events(`actor=${id}`)).length, 1);
    assert.deepEqual(
      (await events(`target=service_account:${id}`)).map(({ type }) => type),
      ['service_account.created'],
    );
    assert.deepEqual(
      (await events(`target=api_key:${key.id}`)).map(({ type }) => type),
      ['api_key.created'],
    );
    assert.ok(secret);
  });
});

describe('nobody gives more than they hold', () => {
  const keeper = async (more: string[] = []) => {
    const roleId = await newRole(w, {
      permissions: [MAKE ?? '', CHANGE ?? '', GIVE ?? '', REMOVE ?? '', MAKE_KEY, ...more],
    });
    return { roleId, ...(await member(w, [roleId])) };
  };

  test('in the roles of an account, in its keys, and in what they do to it', async () => {
    const { token } = await keeper([ROUTES]);
    const less = await newRole(w, { permissions: [ROUTES] });
    const more = await newRole(w, { permissions: [ROLES] });
    const off = await newRole(w, { permissions: [ROLES], enabled: false });
    for (const roles of [[more], [less, off], ['admin']])
      refused(await send('POST', ACCOUNTS, token, { name: 'x', roles }), 403, 'power_exceeded');
    const { id } = ok<Account>(await send('POST', ACCOUNTS, token, { name: 'x', roles: [less] }), 201);
    refused(await send('PUT', `${ACCOUNTS}/${id}/roles`, token, { roles: [less, more] }), 403, 'power_exceeded');
    const make = (scopes: string[]) => send('POST', `${ACCOUNTS}/${id}/keys`, token, keyBody(w, { scopes }));
    for (const scopes of [[ROLES], ['*'], ['GET:/api/v1/admin/*']]) refused(await make(scopes), 403, 'power_exceeded');
    ok(await make([ROUTES]), 201);
    // Now it holds more than they.
    ok(await root('PUT', `/${id}/roles`, { roles: [less, more] }), 200);
    refused(await make([ROUTES]), 403, 'power_exceeded');
    for (const [method, path, body] of [
      ['PATCH', '', { name: 'y' }],
      ['PATCH', '', { enabled: false }],
      ['PUT', '/roles', { roles: [] }],
      ['DELETE', '', undefined],
    ] as const)
      refused(await send(method, `${ACCOUNTS}/${id}${path}`, token, body), 403, 'power_exceeded');
    // Nor may a role be weakened under it by who holds less.
    const roleAdmin = await newRole(w, { permissions: ['PATCH:/api/v1/admin/roles/{id}', ROUTES] });
    const { token: weak } = await member(w, [roleAdmin]);
    refused(await send('PATCH', `/admin/roles/${less}`, weak, { permissions: [] }), 403, 'power_exceeded');
  });

  test('what a key makes lies within it, and ends no later', async () => {
    const { accountId: id, secret } = await service(w, [MAKE_KEY, ROUTES, ROLES], { scopes: [MAKE_KEY, ROUTES] });
    const make = (fields: object) => send('POST', `${ACCOUNTS}/${id}/keys`, secret, keyBody(w, fields));
    // It does not even hold what the account holds.
    refused(await make({ scopes: [ROUTES] }), 403, 'power_exceeded');
    const { secret: whole } = await serviceKey(w, id, { scopes: [MAKE_KEY, ROUTES, ROLES] });
    const wholly = (fields: object) => send('POST', `${ACCOUNTS}/${id}/keys`, whole, keyBody(w, fields));
    refused(await wholly({ scopes: [ROUTES], expiresAt: inDays(w, 31) }), 403, 'power_exceeded');
    refused(await wholly({ scopes: ['GET:/api/v1/admin/users'] }), 403, 'power_exceeded');
    const child = ok<MadeKey>(await wholly({ scopes: [ROUTES] }), 201);
    ok(await use(w, child.secret), 200);
    refused(await send('POST', `${ACCOUNTS}/${id}/keys`, child.secret, keyBody(w)), 403, 'scope_insufficient');
  });

  test('an account does not change its own roles, nor end itself', async () => {
    const all = [GIVE ?? '', CHANGE ?? '', REMOVE ?? '', ROUTES];
    const { accountId: id, secret } = await service(w, all, { scopes: all });
    refused(await send('PUT', `${ACCOUNTS}/${id}/roles`, secret, { roles: [] }), 403, 'self_protected');
    refused(await send('PATCH', `${ACCOUNTS}/${id}`, secret, { enabled: false }), 403, 'self_protected');
    refused(await send('DELETE', `${ACCOUNTS}/${id}`, secret), 403, 'self_protected');
    ok(await send('PATCH', `${ACCOUNTS}/${id}`, secret, { name: 'Renamed' }), 200);
  });
});

describe('the keys of a service account', () => {
  test('are narrowed, rotated and revoked by administrators, who are fresh where it gives a secret', async () => {
    const { accountId: id, key, secret } = await service(w);
    const path = `/${id}/keys/${key.id}`;
    refused(await root('PATCH', path, { scopes: ['*'] }), 400, 'key_widened');
    ok(await root('PATCH', path, { name: 'Other' }), 200);
    const answers = await atOnce(50, () => root('POST', `${path}/rotate`));
    assert.deepEqual(tally(answers), { '200': 1, '409 key_rotated': 49 });
    const next = answers.find(({ statusCode }) => statusCode === 200)?.json<MadeKey>() ?? assert.fail();
    for (const each of [secret, next.secret]) ok(await use(w, each), 200);
    const other = await service(w);
    for (const method of ['PATCH', 'DELETE'] as const)
      refused(
        await root(method, `/${other.accountId}/keys/${key.id}`, method === 'PATCH' ? {} : undefined),
        404,
        'key_not_found',
      );
    ok(await root('DELETE', path), 204);
    for (const each of [secret, next.secret]) refused(await use(w, each), 401, 'unauthenticated');

    w.time.forward(11 * MINUTE);
    const stale = w.root;
    refused(await send('POST', `${ACCOUNTS}/${id}/keys`, stale, keyBody(w)), 401, 'reauth_required');
    refused(await send('POST', ACCOUNTS, stale, { name: 'x' }), 401, 'reauth_required');
  });

  test('each owner is told, and nobody who is none', async () => {
    const owners = [await member(w), await member(w)];
    const stranger = await member(w);
    const { id } = ok<Account>(
      await root('POST', '', { name: 'Told', ownerIds: owners.map(({ userId }) => userId) }),
      201,
    );
    const { secret } = await serviceKey(w, id);
    ok(await w.client.send('POST', '/auth/keys/report', { body: { token: secret } }), 202);
    for (const { email } of owners) {
      const subjects = (await w.mailsTo(email)).map(({ subject }) => subject);
      assert.deepEqual(subjects.slice(0, 2), [
        'An API key was reported as public and revoked',
        'A new API key was made',
      ]);
    }
    const told = (await w.mailsTo(stranger.email)).filter(({ subject }) => /API key/.test(subject));
    assert.deepEqual(told, []);
    assert.ok(await signIn(w, stranger));
  });
});
