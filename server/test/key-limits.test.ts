import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newKey } from '../src/modules/api-keys/key-format.ts';
import { newId } from '../src/platform/ids.ts';
import { admin, withWorld } from './administration.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { LIMITED, newAddress } from './guessers.ts';
import { type Key, keyBody, keyOwner, makeKey, ROUTES, service, use } from './key-verbs.ts';
import { createWorld, giveRoles, member, newRole, type World } from './matrix/world.ts';
import { withOwnRedis } from './own-redis.ts';
import { atOnce, freshSqlite, refused, type Scene, tally } from './scenario.ts';

const limited = (run: (w: World) => Promise<void>) => withWorld(run, { env: LIMITED });
/** Each request from another client, so that only the limit of the key can be what refuses. */
const useFrom = (w: Pick<World, 'client'>, secret: string, ip = newAddress()) =>
  use(w, secret, { 'x-forwarded-for': ip });

async function admitted(w: Pick<World, 'client'>, secret: string, times: number): Promise<number> {
  let count = 0;
  for (let i = 0; i < times; i++) count += Number((await useFrom(w, secret)).statusCode === 200);
  return count;
}

async function roleWithRate(w: World, max: number): Promise<string> {
  const body = { code: `rate_${max}`, name: 'A rate', permissions: [ROUTES], rateLimit: { max, windowSeconds: 3600 } };
  return ok<{ id: string }>(await admin(w, 'POST', '/roles', body), 201).id;
}

describe('the rate of a key', () => {
  test('is the stricter of its own and that of the roles; each key counts for itself', () =>
    limited(async (w) => {
      const { token, userId } = await member(w, [await roleWithRate(w, 9)]);
      const strict = await makeKey(w, token, { rateLimit: { max: 4, windowSeconds: 3600 } });
      const loose = await makeKey(w, token, { rateLimit: { max: 900, windowSeconds: 3600 } });
      const plain = await makeKey(w, token);
      assert.equal(await admitted(w, strict.secret, 12), 4);
      assert.equal(await admitted(w, loose.secret, 12), 9);
      assert.equal(await admitted(w, plain.secret, 12), 9);
      const answer = await useFrom(w, strict.secret);
      refused(answer, 429, 'rate_limited');
      assert.ok(Number(answer.headers['retry-after']) > 3000);
      // The person's own requests are another count.
      ok(await w.client.send('GET', '/users/me', { token }), 200);
      await giveRoles(w, userId, [await roleWithRate(w, 20)]);
      assert.equal(await admitted(w, loose.secret, 25), 20);
    }));

  test('fifty at once are as many as it has', () =>
    limited(async (w) => {
      const { secret } = await service(w, [ROUTES], { rateLimit: { max: 24, windowSeconds: 60 } });
      const answers = await atOnce(50, () => useFrom(w, secret));
      assert.deepEqual(tally(answers), { '200': 24, '429 rate_limited': 26 });
    }));

  test('is shared by all instances through Redis', () =>
    withOwnRedis(async (redis) => {
      const { url: databaseUrl, drop } = await freshSqlite();
      const time = standingClock();
      const opened: TestApp[] = [];
      try {
        const env = { ...LIMITED, REDIS_URL: redis.url };
        for (let i = 0; i < 2; i++) opened.push(await openTestApp({ databaseUrl, time, env }));
        const [one, two] = opened.map((t): Scene => ({ ...t, client: createClient(t), databaseUrl }));
        assert.ok(one && two);
        const w = await createWorld(one);
        const { secret } = await keyOwner(w, [ROUTES], { rateLimit: { max: 30, windowSeconds: 3600 } });
        let count = 0;
        for (let i = 0; i < 24; i++) {
          for (const s of [one, two]) count += Number((await useFrom(s, secret)).statusCode === 200);
        }
        assert.equal(count, 30);
      } finally {
        for (const { close } of opened) await close();
        await drop();
      }
    }));
});

describe('guessing keys', () => {
  test('is bounded for one client, and keeps out nobody whose key is known here', () =>
    limited(async (w) => {
      const { secret } = await keyOwner(w);
      const ip = newAddress();
      ok(await useFrom(w, secret, ip), 200);
      const { apiKeys } = w.app.storage;
      const find = apiKeys.find;
      let queries = 0;
      Object.assign(apiKeys, {
        find: (id: string) => {
          queries += 1;
          return find(id);
        },
      });
      const answers = [];
      for (let i = 0; i < 60; i++) answers.push(await useFrom(w, newKey('pat', newId(w.time.now)), ip));
      assert.deepEqual(tally(answers), { '401 unauthenticated': 20, '429 rate_limited': 40 });
      assert.ok(queries <= 20, `${queries} queries`);
      ok(await useFrom(w, secret, ip), 200);
      // The same wrong one again is no guess, and no query.
      const other = newAddress();
      const wrong = newKey('svc', newId(w.time.now));
      queries = 0;
      const same = await Promise.all(Array.from({ length: 40 }, () => useFrom(w, wrong, other)));
      assert.ok(same.every(({ statusCode }) => statusCode === 401));
      for (let i = 0; i < 30; i++) refused(await useFrom(w, wrong, other), 401, 'unauthenticated');
      assert.ok(queries <= 40, `${queries} queries`);
      Object.assign(apiKeys, { find });
    }));

  test('with the id of a key, too', () =>
    limited(async (w) => {
      const { key, secret } = await keyOwner(w);
      ok(await useFrom(w, secret), 200);
      const ip = newAddress();
      const answers = [];
      for (let i = 0; i < 40; i++) answers.push(await useFrom(w, newKey('pat', key.id), ip));
      assert.deepEqual(tally(answers), { '401 unauthenticated': 20, '429 rate_limited': 20 });
      ok(await useFrom(w, secret), 200);
    }));

  test('a key that was revoked is no guess, but not sent for ever', () =>
    limited(async (w) => {
      const { key, secret, token } = await keyOwner(w);
      ok(await w.client.send('DELETE', `/users/me/keys/${key.id}`, { token }), 204);
      const ip = newAddress();
      const answers = [];
      for (let i = 0; i < 140; i++) answers.push(await useFrom(w, secret, ip));
      // Thirty for itself, then a hundred for the client.
      assert.deepEqual(tally(answers), { '401 unauthenticated': 130, '429 rate_limited': 10 });
    }));
});

describe('API_KEYS=off', () => {
  test('refuses every key, makes none, and lets those that exist be seen and revoked', async () => {
    const { url: databaseUrl, drop } = await freshSqlite();
    try {
      const on = await openTestApp({ databaseUrl });
      const w = await createWorld({ ...on, client: createClient(on), databaseUrl });
      const mine = await keyOwner(w);
      const programs = await service(w);
      ok(await use(w, mine.secret), 200);
      await on.close();

      const off = await openTestApp({ databaseUrl, env: { API_KEYS: 'off' } });
      try {
        const client = createClient(off);
        for (const { secret } of [mine, programs]) refused(await use({ client }, secret), 401, 'unauthenticated');
        const { accessToken: token } = await client.login(mine);
        const { accessToken: root } = await client.login(w.superadmin);
        const send = (method: 'GET' | 'POST' | 'DELETE', path: string, by: string, body?: object) =>
          client.send(method, path, { token: by, ...(body && { body }) });
        refused(await send('POST', '/users/me/keys', token, keyBody(w)), 403, 'api_keys_off');
        refused(await send('POST', `/users/me/keys/${mine.key.id}/rotate`, token), 403, 'api_keys_off');
        const path = `/admin/service-accounts/${programs.accountId}/keys`;
        refused(await send('POST', path, root, keyBody(w)), 403, 'api_keys_off');
        refused(await send('POST', '/admin/service-accounts', root, { name: 'x' }), 403, 'api_keys_off');
        const { items } = ok<{ items: Key[] }>(await send('GET', '/users/me/keys', token), 200);
        assert.deepEqual(
          items.map(({ id }) => id),
          [mine.key.id],
        );
        ok(await send('DELETE', `/users/me/keys/${mine.key.id}`, token), 204);
        ok(await send('DELETE', `${path}/${programs.key.id}`, root), 204);
      } finally {
        await off.close();
      }
    } finally {
      await drop();
    }
  });

  test('is what a server does that was told nothing', () =>
    withWorld(
      async (w) => {
        const roleId = await newRole(w, { permissions: [ROUTES] });
        const { token } = await member(w, [roleId]);
        refused(await w.client.send('POST', '/users/me/keys', { token, body: keyBody(w) }), 403, 'api_keys_off');
      },
      { env: { API_KEYS: '' } },
    ));
});
