import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { SECOND } from '../src/platform/clock.ts';
import { admin, holder } from './administration.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { createClient, ok, type SignedInBody } from './client.ts';
import { testDatabases } from './databases.ts';
import { createWorld, member, type World } from './matrix/world.ts';
import { runningTime } from './running-time.ts';
import { atOnce, refused, type Scene } from './scenario.ts';

/** Of running time, within which every instance refuses what one of them revoked (the contract, Revocation). */
const REVOCATION_LIMIT = SECOND;

type Answer = ReturnType<Scene['client']['send']>;

/** Asks the other instance until it has learnt what happened here; fails where that takes longer than the contract allows. */
async function learns(call: () => Answer, status: number): Promise<void> {
  const since = runningTime();
  while ((await call()).statusCode !== status) {
    assert.ok(runningTime() - since < REVOCATION_LIMIT, `not ${status} within the limit`);
    await pause(20);
  }
}

for (const { name, freshUrl, emptyUrl } of testDatabases()) {
  describe(`two instances, one database (${name})`, () => {
    let here: World;
    let there: TestApp;
    let drop: () => Promise<void>;
    let dataDir: string;
    before(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'ostiary-admin-'));
      const fresh = await freshUrl();
      drop = fresh.drop;
      const shared = { databaseUrl: fresh.url, dataDir, time: standingClock() };
      const one = await openTestApp(shared);
      here = await createWorld({ ...one, client: createClient(one), databaseUrl: fresh.url });
      there = await openTestApp(shared);
    });
    after(async () => {
      await there.close();
      await here.close();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    });

    const ENDED = {
      deactivated: ['POST', '/deactivate'],
      deleted: ['DELETE', ''],
      erased: ['DELETE', '?erase=true'],
    } as const;
    for (const [what, [method, tail]] of Object.entries(ENDED)) {
      test(`parity 3: whoever is ${what} is out at once here, and within a second there`, async () => {
        const person = await member(here, ['admin']);
        const { accessToken: token, refreshToken, user } = await here.client.login(person);
        const other = createClient(there);
        ok(await other.send('GET', '/admin/users', { token }), 200);
        assert.ok((await admin(here, method, `/users/${user.id}${tail}`)).statusCode < 300);
        refused(await admin(here, 'GET', '/users', undefined, token), 401, 'unauthenticated');
        const body = { refreshToken };
        refused(await here.client.send('POST', '/auth/refresh', { body }), 401, 'refresh_invalid');
        await learns(() => other.send('GET', '/admin/users', { token }), 401);
        refused(await other.send('GET', '/admin/users', { token }), 401, 'unauthenticated');
        refused(await other.send('POST', '/auth/refresh', { body }), 401, 'refresh_invalid');
      });
    }

    const LOST: Record<string, (who: { userId: string; roleId: string }) => Answer> = {
      'the role is taken away': ({ userId }) => admin(here, 'PUT', `/users/${userId}/roles`, { roles: ['user'] }),
      'the role is disabled': ({ roleId }) => admin(here, 'PATCH', `/roles/${roleId}`, { enabled: false }),
      'the role grants less': ({ roleId }) => admin(here, 'PATCH', `/roles/${roleId}`, { permissions: [] }),
      'the role is deleted': ({ roleId }) => admin(here, 'DELETE', `/roles/${roleId}`),
    };
    for (const [what, lose] of Object.entries(LOST)) {
      test(`parity 3, parity 15: ${what}: refused at once here, and within a second there`, async () => {
        const who = await holder(here, ['GET:/api/v1/admin/routes']);
        const other = createClient(there);
        const asks = () => other.send('GET', '/admin/routes', { token: who.token });
        await learns(asks, 200);
        assert.ok((await lose(who)).statusCode < 300);
        refused(await admin(here, 'GET', '/routes', undefined, who.token), 403, 'forbidden');
        await learns(asks, 403);
        refused(await asks(), 403, 'forbidden');
        const { accessToken: token } = await here.client.login(who);
        refused(await admin(here, 'GET', '/routes', undefined, token), 403, 'forbidden');
      });
    }

    test('parity 15: what a role grants more is in force on both, and what a superadmin was is over', async () => {
      const who = await holder(here, []);
      const other = createClient(there);
      refused(await other.send('GET', '/admin/routes', { token: who.token }), 403, 'forbidden');
      ok(await admin(here, 'PATCH', `/roles/${who.roleId}`, { permissions: ['GET:/api/v1/admin/routes'] }), 200);
      ok(await admin(here, 'GET', '/routes', undefined, who.token), 200);
      await learns(() => other.send('GET', '/admin/routes', { token: who.token }), 200);
      const second = await member(here, ['superadmin']);
      const asks = () => other.send('GET', '/admin/events', { token: second.token });
      await learns(asks, 200);
      ok(await admin(here, 'PUT', `/users/${second.userId}/roles`, { roles: [] }), 200);
      refused(await admin(here, 'GET', '/events', undefined, second.token), 403, 'forbidden');
      await learns(asks, 403);
      refused(await asks(), 403, 'forbidden');
    });
  });

  test(`parity 15: three instances that start together on one empty database agree (${name})`, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-three-'));
    const { url: databaseUrl, drop } = await emptyUrl();
    const time = standingClock();
    const all = await atOnce(3, () => openTestApp({ databaseUrl, dataDir, time }));
    try {
      const [first = assert.fail()] = all;
      const w = await createWorld({ ...first, client: createClient(first), databaseUrl });
      const told = [];
      for (const t of all) {
        const client = createClient(t);
        const { accessToken: token } = await signInThere(client, w);
        const read = async (path: string) =>
          ok<{ items: unknown[]; total: number }>(
            await client.send('GET', `/admin/${path}?pageSize=100`, { token }),
            200,
          );
        told.push([await read('routes'), await read('roles')]);
      }
      for (const other of told) assert.deepEqual(other, told[0]);
      const roles = told[0]?.[1]?.items as { code: string; builtIn: boolean }[];
      assert.deepEqual(roles.map(({ code }) => code).sort(), ['admin', 'guest', 'superadmin', 'user']);
      assert.ok(roles.every(({ builtIn }) => builtIn));
    } finally {
      for (const t of all) await t.close();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
}

/** Each instance is asked with a token of its own superadmin. */
async function signInThere(client: ReturnType<typeof createClient>, w: World): Promise<SignedInBody> {
  return client.login(await member(w, ['superadmin']));
}
