import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startOfKey } from '../src/modules/api-keys/key-format.ts';
import { DAY, HOUR, MINUTE } from '../src/platform/clock.ts';
import { networkOf } from '../src/platform/http/network.ts';
import { newId } from '../src/platform/ids.ts';
import { admin } from './administration.ts';
import { openTestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { makeEvent } from './fixtures.ts';
import { inDays, type Key, keyBody, keyOwner, type MadeKey, makeKey, ROLES, ROUTES, use } from './key-verbs.ts';
import { PRODUCT, split } from './matrix/access-table.ts';
import { ask, createWorld, freshRoot, giveRoles, member, newRole, signIn, type World } from './matrix/world.ts';
import { atOnce, freshSqlite, refused, tally } from './scenario.ts';
import { until } from './until.ts';

/** One server for all of these: each test makes people of its own. */
let w: World;
let close: () => Promise<void>;
before(async () => {
  const { url: databaseUrl, drop } = await freshSqlite();
  const t = await openTestApp({
    databaseUrl,
    env: { TRUSTED_PROXIES: '127.0.0.0/8' },
    routes: (app) => app.get('/api/v1/any', { config: { access: { anyRole: ['chief', 'cook'] } } }, async () => ({})),
  });
  w = await createWorld({ ...t, client: createClient(t), databaseUrl });
  close = async () => {
    await t.close();
    await drop();
  };
});
after(() => close());

const send = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, token: string, body?: object) =>
  w.client.send(method, path, { token, ...(body && { body }) });
const from = (ip: string) => ({ 'x-forwarded-for': ip });

describe('a key of a person', () => {
  test('does what its scopes and the roles of its person allow, and says what it is', async () => {
    const { secret, key, userId } = await keyOwner(w);
    ok(await use(w, secret), 200);
    const answer = await send('GET', '/admin/roles', secret);
    refused(answer, 403, 'scope_insufficient');
    assert.equal(answer.headers['www-authenticate'], `Bearer error="insufficient_scope", scope="${ROLES}"`);
    const said = ok<Record<string, unknown>>(await send('GET', '/auth/whoami', secret), 200);
    assert.deepEqual(said, {
      subject: { kind: 'person', id: userId },
      credential: { kind: 'key', id: key.id, clientId: 'ostiary', expiresAt: inDays(w, 30) },
      organizationId: null,
      scopes: [ROUTES],
      assurance: { aal: 1, phishingResistant: false, methods: [], authTime: w.time.now.toISOString() },
      actingFor: null,
    });
    for (const path of ['/users/me', '/sessions', '/users/me/keys', '/files'])
      refused(await send('GET', path, secret), 403, 'credential_refused');
  });

  test('is shown once, and is told by how it begins', async () => {
    const { secret, key, token } = await keyOwner(w);
    assert.match(secret, /^ost_pat_[0-9A-Za-z]{71}$/);
    const listed = await send('GET', '/users/me/keys', token);
    assert.deepEqual(ok<{ items: Key[] }>(listed, 200).items, [key]);
    assert.equal(key.start, startOfKey('pat', key.id));
    assert.ok(secret.startsWith(key.start));
    assert.ok(!listed.body.includes(secret) && !listed.body.includes(secret.slice(30)));
    const stored = JSON.stringify(await w.app.storage.apiKeys.find(key.id));
    assert.ok(!stored.includes(secret.slice(30)));
  });

  test('is made by a fresh sign-in of a person alone, and only for less than they hold', async () => {
    const { token, secret, ...owner } = await keyOwner(w);
    w.time.forward(11 * MINUTE);
    refused(await send('POST', '/users/me/keys', token, keyBody(w)), 401, 'reauth_required');
    const { token: fresh } = await signIn(w, owner);
    refused(await send('POST', '/users/me/keys', secret, keyBody(w)), 403, 'credential_refused');
    const make = (fields: object) => send('POST', '/users/me/keys', fresh, keyBody(w, fields));
    for (const scopes of [['*'], ['GET:/api/v1/admin/*'], [ROUTES, 'GET:/api/v1/admin/users']])
      refused(await make({ scopes }), 403, 'power_exceeded');
    for (const scope of [
      'GET:/api/v1/admin/route',
      'GET:/api/v1/users/me',
      '*:/api/v1/users/me/*',
      'POST:/api/v1/auth/login',
      'role:admin',
      'role:no_such_role',
    ]) {
      const problem = refused(await make({ scopes: [ROUTES, scope] }), 400, 'scope_unknown');
      assert.deepEqual(
        problem.errors?.map(({ path }) => path),
        ['/scopes/1'],
        scope,
      );
    }
    ok(await make({ scopes: [ROUTES, ROLES] }), 201);
  });

  test('has an end within the bounds of the server, and a name, and networks that are some', async () => {
    const { token } = await keyOwner(w);
    const wrong = async (fields: object, path: string) => {
      const answer = await send('POST', '/users/me/keys', token, keyBody(w, fields));
      assert.deepEqual(
        refused(answer, 400, 'validation_failed').errors?.map((fault) => fault.path),
        [path],
      );
    };
    await wrong({ expiresAt: w.time.now.toISOString() }, '/expiresAt');
    await wrong({ expiresAt: inDays(w, 367) }, '/expiresAt');
    await wrong({ expiresAt: 'never' }, '/expiresAt');
    await wrong({ name: ' ​' }, '/name');
    await wrong({ scopes: [] }, '/scopes');
    await wrong({ scopes: [ROUTES, 'admin'] }, '/scopes/1');
    await wrong({ networks: ['192.0.2.0/24', '192.0.2.7/24'] }, '/networks/1');
    await wrong({ rateLimit: { max: 0, windowSeconds: 60 } }, '/rateLimit/max');
    const { expiresAt: _, ...endless } = keyBody(w);
    refused(await send('POST', '/users/me/keys', token, endless), 400, 'validation_failed');
    ok(await send('POST', '/users/me/keys', token, keyBody(w, { expiresAt: inDays(w, 366) })), 201);
  });

  test('there are fifty at most; revoked and expired ones make room', async () => {
    const { token, key, ...owner } = await keyOwner(w);
    for (let i = 0; i < 48; i++) await makeKey(w, token);
    await makeKey(w, token, { expiresAt: new Date(w.time.now.getTime() + MINUTE).toISOString() });
    refused(await send('POST', '/users/me/keys', token, keyBody(w)), 409, 'key_limit');
    ok(await send('DELETE', `/users/me/keys/${key.id}`, token), 204);
    await makeKey(w, token);
    refused(await send('POST', '/users/me/keys', token, keyBody(w)), 409, 'key_limit');
    w.time.forward(2 * MINUTE);
    await makeKey(w, (await signIn(w, owner)).token);
  });

  test('ends when it is revoked, by one of fifty', async () => {
    const { token, key, secret } = await keyOwner(w);
    ok(await use(w, secret), 200);
    const answers = await atOnce(50, () => send('DELETE', `/users/me/keys/${key.id}`, token));
    assert.deepEqual(tally(answers), { '204': 1, '404 key_not_found': 49 });
    refused(await use(w, secret), 401, 'unauthenticated');
    for (const path of [`/users/me/keys/${key.id}/rotate`])
      refused(await send('POST', path, token), 404, 'key_not_found');
    assert.deepEqual(ok<{ items: Key[] }>(await send('GET', '/users/me/keys', token), 200).items, []);
  });

  test('ends at its time', async () => {
    const { secret, key, ...owner } = await keyOwner(w, [ROUTES], { expiresAt: inDays(w, 1) });
    w.time.forward(DAY - 1);
    ok(await use(w, secret), 200);
    w.time.forward(1);
    refused(await use(w, secret), 401, 'unauthenticated');
    const { token } = await signIn(w, owner);
    const [listed] = ok<{ items: Key[] }>(await send('GET', '/users/me/keys', token), 200).items;
    assert.deepEqual([listed?.id, listed?.state], [key.id, 'expired']);
    refused(await send('POST', `/users/me/keys/${key.id}/rotate`, token), 404, 'key_not_found');
  });

  test('of somebody else is as one that there is not', async () => {
    const { key } = await keyOwner(w);
    const { token } = await member(w);
    refused(await send('DELETE', `/users/me/keys/${key.id}`, token), 404, 'key_not_found');
    refused(await send('PATCH', `/users/me/keys/${key.id}`, token, { name: 'x' }), 404, 'key_not_found');
    refused(await send('POST', `/users/me/keys/${key.id}/rotate`, token), 404, 'key_not_found');
    refused(await send('DELETE', '/users/me/keys/x%00', token), 404, 'key_not_found');
  });
});

describe('a key becomes narrower', () => {
  test('in scopes, networks and time, at once, and never wider', async () => {
    const { token, key, secret } = await keyOwner(w, ['GET:/api/v1/admin/*'], {
      scopes: ['GET:/api/v1/admin/*'],
      networks: ['10.0.0.0/8', '127.0.0.1'],
    });
    const patch = (body: object) => send('PATCH', `/users/me/keys/${key.id}`, token, body);
    ok(await send('GET', '/admin/roles', secret), 200);
    for (const wide of [
      { scopes: ['*'] },
      { scopes: ['*:/api/v1/admin/*'] },
      { scopes: [ROUTES, 'DELETE:/api/v1/admin/roles/{id}'] },
      { networks: [] },
      { networks: ['10.0.0.0/8', '192.0.2.0/24'] },
      { networks: ['0.0.0.0/0'] },
      { expiresAt: inDays(w, 31) },
    ]) {
      refused(await patch(wide), 400, 'key_widened');
    }
    refused(await patch({ scopes: ['GET:/api/v1/admin/route'] }), 400, 'scope_unknown');
    refused(await patch({ expiresAt: inDays(w, -1) }), 400, 'validation_failed');
    const narrowed = ok<Key>(
      await patch({ name: ' Less ', scopes: [ROUTES], networks: ['127.0.0.1'], expiresAt: inDays(w, 20) }),
      200,
    );
    const expected = { name: 'Less', scopes: [ROUTES], networks: ['127.0.0.1/32'], expiresAt: inDays(w, 20) };
    const { name, scopes, networks, expiresAt } = narrowed;
    assert.deepEqual({ name, scopes, networks, expiresAt }, expected);
    ok(await use(w, secret), 200);
    refused(await send('GET', '/admin/roles', secret), 403, 'scope_insufficient');
    const { version } = (await w.app.storage.apiKeys.find(key.id)) ?? assert.fail();
    assert.deepEqual(ok<Key>(await patch({}), 200).scopes, [ROUTES]);
    assert.equal((await w.app.storage.apiKeys.find(key.id))?.version, version, 'nothing was said');
  });

  test('with what its person loses, and gets it back with them', async () => {
    const { secret, userId, roleId } = await keyOwner(w);
    ok(await use(w, secret), 200);
    ok(await admin(w, 'PATCH', `/roles/${roleId}`, { permissions: [ROLES] }), 200);
    refused(await use(w, secret), 403, 'forbidden');
    ok(await admin(w, 'PATCH', `/roles/${roleId}`, { permissions: [ROUTES] }), 200);
    ok(await use(w, secret), 200);
    await giveRoles(w, userId, ['user']);
    refused(await use(w, secret), 403, 'forbidden');
    await giveRoles(w, userId, ['admin']);
    ok(await use(w, secret), 200);
    refused(await send('GET', '/admin/roles', secret), 403, 'scope_insufficient');
  });

  test('and is dead while its person is, for good once they were deleted', async () => {
    const { secret, userId, ...owner } = await keyOwner(w);
    ok(await use(w, secret), 200);
    ok(await admin(w, 'POST', `/users/${userId}/deactivate`), 200);
    refused(await use(w, secret), 401, 'unauthenticated');
    ok(await admin(w, 'POST', `/users/${userId}/activate`), 200);
    ok(await use(w, secret), 200);
    ok(await admin(w, 'DELETE', `/users/${userId}`), 204);
    refused(await use(w, secret), 401, 'unauthenticated');
    ok(await admin(w, 'POST', `/users/${userId}/restore`), 200);
    refused(await use(w, secret), 401, 'unauthenticated');
    const { token } = await signIn(w, owner);
    const [listed] = ok<{ items: Key[] }>(await send('GET', '/users/me/keys', token), 200).items;
    assert.equal(listed?.state, 'suspended');
    ok(await admin(w, 'DELETE', `/users/${userId}?erase=true`), 204);
    await w.work();
    assert.deepEqual(await w.app.storage.apiKeys.listOf(userId, 9), []);
  });
});

describe('a key is rotated', () => {
  const rotate = (token: string, id: string, body?: object) => send('POST', `/users/me/keys/${id}/rotate`, token, body);

  test('both secrets work during the overlap, and then one', async () => {
    const { token, key, secret } = await keyOwner(w);
    const next = ok<MadeKey>(await rotate(token, key.id), 200);
    assert.equal(next.key.previousUntil, new Date(w.time.now.getTime() + DAY).toISOString());
    assert.equal(next.key.start, key.start);
    for (const each of [secret, next.secret]) ok(await use(w, each), 200);
    refused(await rotate(token, key.id, { overlap: '1h' }), 409, 'key_rotated');
    w.time.forward(DAY);
    refused(await use(w, secret), 401, 'unauthenticated');
    ok(await use(w, next.secret), 200);
  });

  test('without an overlap the former secret ends at once, also during one', async () => {
    const { token, key, secret } = await keyOwner(w);
    const second = ok<MadeKey>(await rotate(token, key.id, { overlap: '7d' }), 200);
    const third = ok<MadeKey>(await rotate(token, key.id, { overlap: '0s' }), 200);
    assert.equal(third.key.previousUntil, null);
    for (const dead of [secret, second.secret]) refused(await use(w, dead), 401, 'unauthenticated');
    ok(await use(w, third.secret), 200);
    refused(await rotate(token, key.id, { overlap: '8d' }), 400, 'validation_failed');
    refused(await rotate(token, key.id, { overlap: '1 day' }), 400, 'validation_failed');
  });

  test('revoking ends both secrets', async () => {
    const { token, key, secret } = await keyOwner(w);
    const next = ok<MadeKey>(await rotate(token, key.id), 200);
    ok(await send('DELETE', `/users/me/keys/${key.id}`, token), 204);
    for (const dead of [secret, next.secret]) refused(await use(w, dead), 401, 'unauthenticated');
  });

  test('of fifty at once one does', async () => {
    const { token, key, secret } = await keyOwner(w);
    const answers = await atOnce(50, () => rotate(token, key.id));
    assert.deepEqual(tally(answers), { '200': 1, '409 key_rotated': 49 });
    const winner = answers.find(({ statusCode }) => statusCode === 200)?.json<MadeKey>() ?? assert.fail();
    for (const each of [secret, winner.secret]) ok(await use(w, each), 200);
  });

  test('a note that is written meanwhile does not keep it from that', async () => {
    const { token, key, secret } = await keyOwner(w);
    const uses = Array.from({ length: 20 }, (_, i) => use(w, secret, from(`198.51.${i}.7`)));
    const [answer] = await Promise.all([rotate(token, key.id, { overlap: '1h' }), ...uses]);
    const next = ok<MadeKey>(answer, 200);
    for (const each of [secret, next.secret]) ok(await use(w, each), 200);
  });

  test('not by a weaker sign-in than made it, which can revoke it', async () => {
    const { token, key } = await keyOwner(w);
    const stored = (await w.app.storage.apiKeys.find(key.id)) ?? assert.fail();
    for (const strength of [{ aal: 2 }, { phishingResistant: true }] as const) {
      const id = newId(w.time.now);
      const stronger = { ...stored, ...strength, id };
      await w.app.storage.apiKeys.insert(stronger, makeEvent(`api_key:${id}`, { pending: false }));
      refused(await rotate(token, id), 403, 'power_exceeded');
      ok(await send('DELETE', `/users/me/keys/${id}`, token), 204);
    }
  });

  test('a later end asks for the power that a new key would', async () => {
    const { token, key, userId } = await keyOwner(w);
    await giveRoles(w, userId, ['user']);
    refused(await rotate(token, key.id, { expiresAt: inDays(w, 60) }), 403, 'power_exceeded');
    refused(await rotate(token, key.id, { expiresAt: inDays(w, 400) }), 400, 'validation_failed');
    // What it may is decided at each request: another secret gives it nothing.
    ok(await rotate(token, key.id), 200);
    await giveRoles(w, userId, ['admin']);
    const later = ok<MadeKey>(await rotate(token, key.id, { overlap: '0s', expiresAt: inDays(w, 60) }), 200);
    assert.equal(later.key.expiresAt, inDays(w, 60));
  });
});

describe('where a key comes from', () => {
  /** Uses are noted after the answer, and again with the next one where another write was faster. */
  const useUntilNoted = (id: string, secret: string, ip: string) =>
    until(`${ip} is noted`, async () => {
      ok(await use(w, secret, from(ip)), 200);
      return (await w.app.storage.apiKeys.find(id))?.seenNetworks.includes(networkOf(ip)) ?? false;
    });

  test('it is refused outside of its networks, and its owner told once a day', async () => {
    const { secret, email, key } = await keyOwner(w, [ROUTES], { networks: ['192.0.2.0/24', '2001:db8::/32'] });
    for (const ip of ['192.0.2.9', '2001:db8:5::1', '::ffff:192.0.2.10']) await useUntilNoted(key.id, secret, ip);
    for (const ip of ['192.0.3.9', '2001:db9::1', '203.0.113.1'])
      refused(await use(w, secret, from(ip)), 401, 'unauthenticated');
    const told = async () =>
      (await w.mailsTo(email)).filter(({ subject }) => subject === 'An API key was refused outside of its networks');
    const keyOf = async () => (await w.app.storage.apiKeys.find(key.id)) ?? assert.fail();
    await until('it is noted', async () => (await keyOf()).refusalToldAt !== null);
    const [mail, ...more] = await told();
    assert.deepEqual(more, []);
    assert.match(mail?.text ?? '', /192\.0\.3\.9/);
    assert.match(mail?.text ?? '', /Nightly export/);
    w.time.forward(DAY);
    refused(await use(w, secret, from('192.0.3.9')), 401, 'unauthenticated');
    await until('it is noted again', async () => (await told()).length === 2);
    assert.equal((await keyOf()).version, 1 + 2 + 2, 'two networks, two refusals');
  });

  test('its owner is told of the first use from a network, once a day at most', async () => {
    const { secret, email, key } = await keyOwner(w);
    const told = async () =>
      (await w.mailsTo(email)).filter(({ subject }) => subject === 'An API key was used from a new network');
    ok(await use(w, secret), 200);
    assert.equal((await told()).length, 0, 'it was made there');
    for (const ip of ['198.51.100.7', '198.51.100.8', '203.0.113.5']) await useUntilNoted(key.id, secret, ip);
    assert.equal((await told()).length, 1);
    w.time.forward(DAY);
    ok(await use(w, secret, from('198.51.100.9')), 200);
    assert.equal((await told()).length, 1, 'it is known there');
    await useUntilNoted(key.id, secret, '2001:db8::1');
    const [latest, ...others] = await told();
    assert.equal(others.length, 1);
    assert.match(latest?.text ?? '', /2001:db8::1/);
    const { seenNetworks } = (await w.app.storage.apiKeys.find(key.id)) ?? assert.fail();
    assert.deepEqual(seenNetworks, ['127.0.0.0/24', '198.51.100.0/24', '203.0.113.0/24', networkOf('2001:db8::1')]);
  });

  test('its last use is noted once a minute at most', async () => {
    const { secret, token } = await keyOwner(w);
    const last = async () => {
      const [key] = ok<{ items: Key[] }>(await send('GET', '/users/me/keys', token), 200).items;
      return [key?.lastUsedAt, key?.lastUsedIp, key?.lastUsedAgent];
    };
    assert.deepEqual(await last(), [null, null, null]);
    const first = w.time.now.toISOString();
    ok(await use(w, secret, { ...from('198.51.100.7'), 'user-agent': 'curl/8.5.0' }), 200);
    await until('it is noted', async () => (await last())[0] === first);
    assert.deepEqual(await last(), [first, '198.51.100.7', 'curl/8.5.0']);
    w.time.forward(MINUTE - 1);
    ok(await use(w, secret, from('198.51.100.8')), 200);
    assert.deepEqual(await last(), [first, '198.51.100.7', 'curl/8.5.0']);
    w.time.forward(1);
    ok(await use(w, secret, { ...from('198.51.100.8'), 'user-agent': 'x'.repeat(5000) }), 200);
    await until('it is noted again', async () => (await last())[0] === w.time.now.toISOString());
    assert.deepEqual(await last(), [w.time.now.toISOString(), '198.51.100.8', 'x'.repeat(200)]);
  });
});

describe('its owner is told', () => {
  test('that it was made and rotated, in their language', async () => {
    const { email, token, key } = await keyOwner(w);
    ok(await send('POST', `/users/me/keys/${key.id}/rotate`, token), 200);
    const subjects = (await w.mailsTo(email)).map(({ subject }) => subject);
    assert.deepEqual(subjects.slice(0, 2), ['An API key was rotated', 'A new API key was made']);
    ok(await send('PATCH', '/users/me', token, { locale: 'zh-CN' }), 200);
    await makeKey(w, token);
    assert.equal((await w.mailsTo(email))[0]?.subject, '已创建新的密钥');
  });

  test('14, 3 and 1 days before its end, and not of one that was revoked', async () => {
    const { email, key, ...owner } = await keyOwner(w, [ROUTES], { expiresAt: inDays(w, 20) });
    const { key: revoked } = await makeKey(w, owner.token, { name: 'Revoked', expiresAt: inDays(w, 20) });
    ok(await send('DELETE', `/users/me/keys/${revoked.id}`, owner.token), 204);
    const told: number[] = [];
    for (let hour = 0; hour <= 20 * 24; hour += 6) {
      await w.app.jobs.enqueue('api-keys.remind', {});
      const mails = (await w.mailsTo(email)).filter(({ subject }) => subject === 'An API key is about to expire');
      while (told.length < mails.length) told.push(hour / 24);
      assert.ok(mails.every(({ text }) => text.includes(key.name) && !text.includes('Revoked')));
      w.time.forward(6 * HOUR);
    }
    assert.deepEqual(told, [6, 17, 19]);
  });

  test('once of what is left, after the server was down for days', async () => {
    const { email } = await keyOwner(w, [ROUTES], { expiresAt: inDays(w, 20) });
    w.time.forward(18 * DAY);
    for (let i = 0; i < 3; i++) {
      await w.app.jobs.enqueue('api-keys.remind', {});
      await w.work();
    }
    const mails = (await w.mailsTo(email)).filter(({ subject }) => subject === 'An API key is about to expire');
    assert.equal(mails.length, 1);
  });

  test('that somebody reported it, which revokes it; anything else is answered alike', async () => {
    const { secret, email, key } = await keyOwner(w);
    const report = (token: string) => w.client.send('POST', '/auth/keys/report', { body: { token } });
    const forged = `${secret.slice(0, 30)}${'0'.repeat(49)}`;
    for (const text of ['x', forged, secret.slice(1), 'ost_pat_', '0'.repeat(500)])
      assert.deepEqual(ok(await report(text), 202), { status: 'accepted' });
    ok(await use(w, secret), 200);
    const answers = await atOnce(50, () => report(` ${secret}\n`));
    assert.deepEqual(tally(answers), { '202': 50 });
    refused(await use(w, secret), 401, 'unauthenticated');
    const mails = await w.mailsTo(email);
    assert.equal(mails.filter(({ subject }) => subject === 'An API key was reported as public and revoked').length, 1);
    assert.equal((await w.app.storage.apiKeys.find(key.id))?.revokeReason, 'reported');
  });

  test('in their history, where no secret is', async () => {
    const { secret, token, key } = await keyOwner(w);
    ok(await send('POST', `/users/me/keys/${key.id}/rotate`, token), 200);
    ok(await send('DELETE', `/users/me/keys/${key.id}`, token), 204);
    const answer = await send('GET', '/users/me/events', token);
    const types = ok<{ items: { type: string }[] }>(answer, 200).items.map(({ type }) => type);
    for (const type of ['api_key.created', 'api_key.rotated', 'api_key.revoked']) assert.ok(types.includes(type), type);
    assert.ok(!answer.body.includes(secret.slice(30)));
  });
});

describe('what a key costs', () => {
  /** Calls of the stores that a request makes. */
  async function counted(work: () => Promise<unknown>): Promise<string[]> {
    const { apiKeys, users, serviceAccounts, roles, superadmins } = w.app.storage;
    const calls: string[] = [];
    const undo: (() => void)[] = [];
    for (const [name, store] of Object.entries({ apiKeys, users, serviceAccounts, roles, superadmins })) {
      for (const [verb, run] of Object.entries(store as unknown as Record<string, (...args: unknown[]) => unknown>)) {
        const watched = (...args: unknown[]) => {
          calls.push(`${name}.${verb}`);
          return run.apply(store, args);
        };
        Object.assign(store, { [verb]: watched });
        undo.push(() => Object.assign(store, { [verb]: run }));
      }
    }
    try {
      await work();
    } finally {
      for (const back of undo) back();
    }
    return calls;
  }

  test('nothing after the first time', async () => {
    const { secret, key } = await keyOwner(w);
    const first = await counted(async () => ok(await use(w, secret), 200));
    assert.ok(first.includes('apiKeys.find'), first.join());
    await until('the use is noted', async () => (await w.app.storage.apiKeys.find(key.id))?.lastUsedAt ?? null);
    for (let i = 0; i < 3; i++) assert.deepEqual(await counted(async () => ok(await use(w, secret), 200)), []);
  });

  test('a text that cannot be one costs no query, however it is made', async () => {
    const { secret } = await keyOwner(w);
    const calls = await counted(async () => {
      for (let cut = 1; cut <= secret.length - 4; cut++) {
        refused(await use(w, secret.slice(0, -cut)), 401, 'unauthenticated');
        refused(await use(w, secret + secret.slice(0, cut)), 401, 'unauthenticated');
      }
      for (let place = 4; place < secret.length; place++) {
        const other = secret[place] === 'a' ? 'b' : 'a';
        refused(await use(w, secret.slice(0, place) + other + secret.slice(place + 1)), 401, 'unauthenticated');
      }
    });
    assert.deepEqual(calls, []);
  });

  test('what was stored of it opens nothing', async () => {
    const { key } = await keyOwner(w);
    const stored = (await w.app.storage.apiKeys.find(key.id)) ?? assert.fail();
    for (const text of [stored.hash, `ost_pat_${stored.hash}`, stored.id, `ost_pat_${stored.hash.padEnd(71, '0')}`])
      refused(await use(w, text), 401, 'unauthenticated');
  });
});

describe('administrators', () => {
  test('see all keys in use, by what is wrong with them, and end those of who holds no more than they', async () => {
    const wide = await keyOwner(w, ['GET:/api/v1/admin/*'], { scopes: ['GET:/api/v1/admin/*'] });
    const idle = await keyOwner(w, [ROUTES], { expiresAt: inDays(w, 9) });
    const subjects = [wide.userId, idle.userId];
    const list = async (query: string) => {
      const found: string[] = [];
      for (const id of subjects) {
        const page = await admin(w, 'GET', `/keys-in-use?subject=${id}&${query}`);
        found.push(...ok<{ items: Key[] }>(page, 200).items.map((key) => key.id));
      }
      return found;
    };
    const [one, two] = [wide.key.id, idle.key.id];
    assert.deepEqual(await list(''), [one, two]);
    assert.deepEqual(await list('wide=true'), [one]);
    assert.deepEqual(await list('wide=false'), [two]);
    assert.deepEqual(await list(`expiresBefore=${inDays(w, 10)}`), [two]);
    w.time.forward(DAY);
    ok(await use(w, wide.secret), 200);
    await until('the use is noted', async () => (await w.app.storage.apiKeys.find(one))?.lastUsedAt ?? null);
    const since = w.time.now.toISOString();
    assert.deepEqual(await list(`unusedSince=${since}`), [two]);
    const { token: nobody } = await member(w);
    refused(await send('GET', '/admin/keys-in-use', nobody), 403, 'forbidden');

    const roleId = await newRole(w, { permissions: ['DELETE:/api/v1/admin/keys-in-use/{id}', ROUTES] });
    const { token: keeper } = await member(w, [roleId]);
    refused(await send('DELETE', `/admin/keys-in-use/${one}`, keeper), 403, 'power_exceeded');
    ok(await send('DELETE', `/admin/keys-in-use/${two}`, keeper), 204);
    refused(await send('DELETE', `/admin/keys-in-use/${two}`, keeper), 404, 'key_not_found');
    refused(await use(w, idle.secret), 401, 'unauthenticated');
    assert.deepEqual(await list(''), [one]);
  });

  test('page through them', async () => {
    const { token, userId } = await keyOwner(w);
    for (let i = 0; i < 4; i++) await makeKey(w, token);
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const query = `/keys-in-use?subject=${userId}&pageSize=2&cursor=${encodeURIComponent(cursor)}`;
      const page = ok<{ items: Key[]; nextCursor: string | null }>(await admin(w, 'GET', query), 200);
      seen.push(...page.items.map(({ id }) => id));
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    assert.equal(new Set(seen).size, 5);
    assert.deepEqual(seen, [...seen].sort().reverse());
  });

  test('are explained what a key of somebody lets through', async () => {
    const { userId, key, token, roleId } = await keyOwner(w, [ROUTES, ROLES]);
    const why = async (path: string, via = key.id, method = 'GET') => {
      const query = `method=${method}&path=${encodeURIComponent(path)}&via=${via}`;
      const { allowed, reason } = ok<{ allowed: boolean; reason: string }>(
        await admin(w, 'GET', `/users/${userId}/explain?${query}`),
        200,
      );
      return `${allowed} ${reason}`;
    };
    assert.equal(await why('/api/v1/admin/routes'), 'true granted');
    assert.equal(await why('/api/v1/admin/roles'), 'false out_of_scope');
    assert.equal(await why('/api/v1/admin/users'), 'false no_grant');
    assert.equal(await why('/api/v1/users/me'), 'false credential_refused');
    assert.equal(await why('/api/v1/auth/whoami'), 'true signed_in');
    assert.equal(await why('/api/v1/admin/keys/rotate', key.id, 'POST'), 'false credential_refused');
    assert.equal(await why('/api/v1/health/liveness'), 'true open_to_all');
    const other = await keyOwner(w);
    for (const id of [other.key.id, 'x'])
      refused(await admin(w, 'GET', `/users/${userId}/explain?method=GET&path=/x&via=${id}`), 404, 'key_not_found');
    ok(await admin(w, 'PATCH', `/roles/${roleId}`, { permissions: [ROLES] }), 200);
    assert.equal(await why('/api/v1/admin/routes'), 'false no_grant');
    ok(await send('DELETE', `/users/me/keys/${key.id}`, token), 204);
    assert.equal(await why('/api/v1/admin/routes'), 'false key_not_live');
  });
});

test('a scope for a role opens the routes that ask for it, while the person has it', async () => {
  const [chief, cook] = [await newRole(w, { code: 'chief' }), await newRole(w, { code: 'cook' })];
  const { token, userId } = await member(w, [chief]);
  refused(await send('POST', '/users/me/keys', token, keyBody(w, { scopes: ['role:cook'] })), 403, 'power_exceeded');
  const { secret } = await makeKey(w, token, { scopes: ['role:chief'] });
  const any = () => w.client.send('GET', '/api/v1/any', { token: secret });
  ok(await any(), 200);
  await giveRoles(w, userId, [cook]);
  assert.equal((await any()).statusCode, 403);
});

test('the key of a superadmin is as wide as its scopes', async () => {
  const root = await freshRoot(w);
  const { secret } = await makeKey(w, root, { scopes: [ROUTES, 'POST:/api/v1/admin/roles'] });
  ok(await use(w, secret), 200);
  refused(await send('GET', '/admin/users', secret), 403, 'scope_insufficient');
  const body = { code: 'by_a_key', name: 'By a key', permissions: [ROLES] };
  refused(await send('POST', '/admin/roles', secret, body), 403, 'power_exceeded');
  const { secret: all } = await makeKey(w, root, { scopes: ['*'] });
  ok(await send('GET', '/admin/users', all), 200);
});

test('no route for people takes a key, not the widest of a superadmin, however it is asked', async () => {
  const { secret } = await makeKey(w, await freshRoot(w), { scopes: ['*'] });
  const forPeople = Object.entries(PRODUCT).filter(
    ([, { access, fresh, machines }]) =>
      !machines && (access === 'signedIn' || access === 'verified' || access === 'optional' || fresh === true),
  );
  assert.ok(forPeople.length >= 30, `${forPeople.length} routes`);
  for (const [code] of forPeople) {
    const { method, path } = split(code);
    const target = path.replaceAll(/\{\w+\}/g, newId(w.time.now));
    refused(await ask(w, method, target, secret), 403, 'credential_refused');
  }
});
