import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { makeId, NOW } from '../../../test/fixtures.ts';
import { happen } from '../../../test/happenings.ts';
import { freshSqlite } from '../../../test/scenario.ts';
import { openStorage } from '../../open-storage.ts';
import { after, MINUTE } from '../../platform/clock.ts';
import { createKeyring } from '../../platform/crypto/keyring.ts';
import { connectDatabase } from '../../platform/database/database.ts';
import { ADA, assertProblem, testServer } from '../../platform/http/http.testing.ts';
import { createLists } from '../../platform/http/paging.ts';
import { migratorFor } from '../../start.ts';
import { userErrors } from '../users/errors.ts';
import { eventAdminRoutes } from './admin-routes.ts';

/** The routes over an empty database, and Ada, who may call them unless `allowed` says otherwise. */
async function setUp(t: TestContext, { allowed = true, known = [] as string[] } = {}) {
  const { url, drop } = await freshSqlite();
  const log = pino({ level: 'silent' });
  const database = await connectDatabase({ url, poolSize: 1, slowQuery: 60_000, log });
  t.after(async () => {
    await database.close();
    await drop();
  });
  await (await migratorFor(database)).up();
  const storage = openStorage(database, { onCommit: () => {} });
  const list = createLists({
    keyring: createKeyring({ current: 'the secret key of the tests, 0123456789', previous: null }),
  });
  const getUser = async (id: string) => {
    if (!known.includes(id)) throw userErrors.user_not_found();
    return { id };
  };
  const { app } = await testServer(t, {
    authorize: () => (allowed ? 'granted' : 'not_granted'),
    errors: userErrors.table,
    routes: (http) => http.register(eventAdminRoutes({ readLists: (_, read) => read(storage), list, getUser })),
  });
  const get = async (path: string, token: string | null = 'token-of-ada') =>
    app.inject({ url: path, headers: token === null ? {} : { authorization: `Bearer ${token}` } });
  async function page(path: string) {
    const answer = await get(path);
    assert.equal(answer.statusCode, 200, answer.body);
    return answer.json<{ items: { id: string; [field: string]: unknown }[]; nextCursor: string; total: number }>();
  }
  const idsOf = async (path: string) => (await page(path)).items.map(({ id }) => id);
  const made = (fields: Parameters<typeof happen>[1] = {}) =>
    happen({ storage } as Parameters<typeof happen>[0], fields);
  return { get, page, idsOf, made };
}

test('an event is shown with who, what, whence, before and after, and the rest as details', async (t) => {
  const { page, made } = await setUp(t);
  const before = {
    code: 'a',
    permissions: ['GET:/api/v1/users/{id}'],
    rateLimit: null,
    uiPermissions: { buttons: [] },
  };
  const data = { before, after: null, country: 'CH', reason: 'a test', nested: { deep: [1, { a: null }] } };
  const event = await made({ type: 'role.deleted', target: 'role:1:2', data });
  const bare = await made({ userId: null, actorId: null, ip: null, requestId: null, device: null, data: {} });
  const { items, total } = await page('/admin/events');
  assert.equal(total, 2);
  assert.deepEqual(items, [
    {
      id: bare.id,
      type: bare.type,
      at: NOW.toISOString(),
      actor: null,
      userId: null,
      ip: null,
      country: null,
      target: { kind: 'challenge', id: bare.target.slice('challenge:'.length) },
      device: null,
      requestId: null,
      before: null,
      after: null,
      details: {},
    },
    {
      id: event.id,
      type: 'role.deleted',
      at: NOW.toISOString(),
      actor: { id: event.actorId },
      target: { kind: 'role', id: '1:2' },
      userId: event.userId,
      ip: event.ip,
      country: 'CH',
      device: event.device,
      requestId: event.requestId,
      before,
      after: null,
      details: { reason: 'a test', nested: { deep: [1, { a: null }] } },
    },
  ]);
});

test('each parameter narrows the list', async (t) => {
  const { idsOf, made } = await setUp(t);
  const one = await made({ type: 'user.created', ip: '192.0.2.1', requestId: 'one' });
  const later = after(NOW, MINUTE);
  const two = await made({ id: makeId(later), at: later, type: 'user.deleted', ip: '2001:db8::1', requestId: 'two' });
  const other = await made({ type: 'users.counted' });
  const at = encodeURIComponent(later.toISOString());
  const offset = encodeURIComponent(`${later.toISOString().slice(0, -1)}+00:00`);
  for (const [query, found] of [
    ['type=user.created', [one]],
    ['type=user.*', [two, one]],
    ['type=user', []],
    [`actor=${one.actorId}`, [one]],
    [`user=${two.userId}`, [two]],
    [`target=${encodeURIComponent(other.target)}`, [other]],
    ['requestId=two', [two]],
    ['ip=2001:db8::1', [two]],
    [`from=${at}`, [two]],
    [`from=${offset}`, [two]],
    [`to=${at}`, [other, one]],
    [`type=user.*&to=${at}`, [one]],
    [`user=${one.userId}&ip=192.0.2.2`, []],
    ['type=%25', []],
  ] as const) {
    const ids = found.map(({ id }) => id);
    assert.deepEqual(await idsOf(`/admin/events?${query}`), ids, query);
  }
});

test('a cursor leads through the list it came from, and through no other', async (t) => {
  const userId = makeId();
  const { get, page, idsOf, made } = await setUp(t, { known: [userId] });
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.unshift((await made({ userId })).id);
  await made();
  for (const path of [`/admin/events?user=${userId}&pageSize=2`, `/admin/users/${userId}/events?pageSize=2`]) {
    const seen: string[] = [];
    let cursor = '';
    do {
      const { items, nextCursor } = await page(`${path}&cursor=${cursor}`);
      seen.push(...items.map(({ id }) => id));
      cursor = nextCursor;
    } while (cursor !== null);
    assert.deepEqual(seen, ids);
    assert.deepEqual(await idsOf(`${path}&page=2`), ids.slice(2, 4));
  }
  const { nextCursor } = await page(`/admin/events?user=${userId}&pageSize=2&cursor=`);
  for (const query of ['', `user=${makeId()}&`, `user=${userId}&type=a&`, `actor=${userId}&`]) {
    assertProblem(await get(`/admin/events?${query}cursor=${nextCursor}`), 400, 'validation_failed');
  }
});

test('what is no filter is refused, and says where', async (t) => {
  const { get } = await setUp(t);
  for (const [query, path] of [
    ['from=yesterday', '/from'],
    ['from=2026-02-30', '/from'],
    ['to=2026-02-30T00:00:00Z', '/to'],
    ['to=2026-11-20T12:00:00', '/to'],
    ['to=2016-12-31T23:59:60Z', '/to'],
    ['to=2016-12-31%2023:59:59Z', '/to'],
    ['type=a%00b', '/type'],
    ['type=', '/type'],
    ['actor=a%0Ab', '/actor'],
    [`ip=${'1'.repeat(65)}`, '/ip'],
    ['pageSize=101', '/pageSize'],
    ['cursor=x', '/cursor'],
  ] as const) {
    const problem = assertProblem(await get(`/admin/events?${query}`), 400, 'validation_failed');
    const [fault] = problem.errors as { path: string }[];
    assert.ok(fault?.path.endsWith(path), `${query}: ${fault?.path}`);
  }
  assertProblem(await get('/admin/events?password=x'), 400, 'validation_failed');
});

test('one user’s events: nobody else’s, and only of somebody there is', async (t) => {
  const userId = makeId();
  const { get, idsOf, made } = await setUp(t, { known: [userId] });
  const theirs = await made({ userId });
  await made({ actorId: userId });
  assert.deepEqual(await idsOf(`/admin/users/${userId}/events`), [theirs.id]);
  for (const id of [makeId(), 'not-an-id', 'a%00b', userId.toUpperCase()]) {
    assertProblem(await get(`/admin/users/${id}/events`), 404, 'user_not_found');
  }
});

test('without the permission nothing is shown', async (t) => {
  const { get } = await setUp(t, { allowed: false });
  for (const path of ['/admin/events', `/admin/users/${ADA.userId}/events`]) {
    assertProblem(await get(path), 403, 'forbidden');
    assertProblem(await get(path, null), 401, 'unauthenticated');
  }
});
