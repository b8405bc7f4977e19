import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { codeIn, createClient, ok, type SignedInBody, tokenIn } from './client.ts';
import { testDatabases } from './databases.ts';
import { encrypt, publicKeys } from './encryption.ts';
import { askKeys, keysOf, kidOf, learns, published, statusOf, withKeys } from './key-pair.ts';
import { createWorld } from './matrix/world.ts';
import { refused, type Scene, somebody } from './scenario.ts';

const A = 'the first secret of thirty-two bytes!';
const B = 'another secret of thirty-two bytes!!!';
const NEW_PASSWORD = 'feeds the cat at eight';

type Client = Scene['client'];

const refresh = (client: Client, refreshToken: string) =>
  client.send('POST', '/auth/refresh', { body: { refreshToken } });

for (const { name, freshUrl } of testDatabases()) {
  /** One instance after the other over one database, each with its secrets. */
  async function withRestarts(run: (start: (env: Record<string, string>) => Promise<TestApp>) => Promise<void>) {
    const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-secrets-'));
    const { url: databaseUrl, drop } = await freshUrl();
    const time = standingClock();
    let running: TestApp | null = null;
    try {
      await run(async (env) => {
        await running?.close();
        running = null;
        running = await openTestApp({ databaseUrl, dataDir, time, env });
        return running;
      });
    } finally {
      await (running as TestApp | null)?.close();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    }
  }

  test(`a change of SECRET_KEY: whatever waits goes on, and no session ends that is refreshed meanwhile (${name})`, () =>
    withRestarts(async (start) => {
      const first = await start({ SECRET_KEY: A });
      const before = createClient(first);
      const w = await createWorld({ ...first, client: before, databaseUrl: '' });
      const [ann, bob, carol, dora] = [somebody(), somebody(), somebody(), somebody()];
      const annSession = await before.register(ann);
      const lazySession = await before.login(ann);
      await before.register(bob);
      ok(await before.send('POST', '/auth/request-password-reset', { body: { email: bob.email } }), 202);
      const { registrationId } = ok<{ registrationId: string }>(
        await before.send('POST', '/auth/register', { body: carol }),
        202,
      );
      const invited = { email: dora.email, username: dora.username, roles: ['user'] };
      ok(await before.send('POST', '/admin/users', { token: w.root, body: invited }), 201);
      const list = await before.send('GET', '/admin/users?pageSize=1&cursor=', { token: w.root });
      const { nextCursor } = ok<{ nextCursor: string }>(list, 200);
      const kid = kidOf(annSession.accessToken);

      // The mails are sent after the restart only: what they hold is derived then, from the secret that was current before.
      const second = await start({ SECRET_KEY: B, SECRET_KEY_PREVIOUS: A });
      const during = createClient(second);
      assert.equal(await statusOf(second, annSession.accessToken), 200);
      const refreshed = ok<SignedInBody>(await refresh(during, annSession.refreshToken), 200);
      assert.equal(kidOf(refreshed.accessToken), kid, 'the same signing key, sealed anew');
      const token = tokenIn((await second.mailsTo(bob.email))[0]?.text);
      const reset = await during.send('POST', '/auth/reset-password', { body: { token, newPassword: NEW_PASSWORD } });
      assert.equal(reset.statusCode, 204, reset.body);
      const code = codeIn((await second.mailsTo(carol.email))[0]?.text);
      const verify = { registrationId, code, tokenTransport: 'body' };
      const carolSession = ok<SignedInBody>(await during.send('POST', '/auth/verify-email', { body: verify }), 200);
      const invite = tokenIn((await second.mailsTo(dora.email))[0]?.text);
      const accept = { token: invite, password: dora.password, tokenTransport: 'body' };
      ok(await during.send('POST', '/auth/accept-invitation', { body: accept }), 200);
      const more = `/admin/users?pageSize=1&cursor=${encodeURIComponent(nextCursor)}`;
      ok(await during.send('GET', more, { token: w.root }), 200);

      const third = await start({ SECRET_KEY: B });
      const after = createClient(third);
      for (const { accessToken } of [annSession, refreshed, carolSession]) {
        assert.equal(await statusOf(third, accessToken), 200);
      }
      for (const { refreshToken } of [refreshed, carolSession]) ok(await refresh(after, refreshToken), 200);
      refused(await refresh(after, lazySession.refreshToken), 401, 'refresh_invalid');
      await after.login({ ...bob, password: NEW_PASSWORD });
      await after.login(dora);
    }));

  test(`a change of SECRET_KEY with the step in between: two that have both secrets serve each other’s, and the old one can go (${name})`, () =>
    withKeys(
      freshUrl,
      async (k) => {
        const { here, boss, more } = k;
        const sealedBy = async () => {
          const keys = await here.app.storage.keys.list();
          return new Set(keys.map(({ sealedPrivateKey }) => sealedPrivateKey.split('.')[0]));
        };
        const [former] = await sealedBy();
        const changed = await more({ SECRET_KEY: B, SECRET_KEY_PREVIOUS: A });
        const [old, young] = [here.client, createClient(changed)];
        for (const [one, other] of [
          [old, young],
          [young, old],
        ] as const) {
          const { accessToken: token } = await one.login(boss);
          ok(await other.send('POST', '/admin/keys/rotate', { token }), 200);
          const signedIn = await one.login(boss);
          for (const t of [here, k.there, changed]) assert.equal(await statusOf(t, signedIn.accessToken), 200);
          const again = ok<SignedInBody>(await refresh(other, signedIn.refreshToken), 200);
          ok(await refresh(one, again.refreshToken), 200);
          const encryptedPassword = await encrypt(boss.password, await publicKeys({ client: one }));
          const body = { login: boss.email, encryptedPassword };
          ok(await other.send('POST', '/auth/login', { body }), 200);
          refused(await one.send('POST', '/auth/login', { body }), 400, 'nonce_invalid');
        }
        // The former order seals once more and is gone then; the new one may have noticed already.
        for (const t of [here, k.there]) await t.app.keys.stop();
        await here.app.keys.tend();
        await changed.app.keys.tend();
        assert.equal((await sealedBy()).size, 1);
        assert.ok(!(await sealedBy()).has(former), 'within an hour all are under the new secret');
        const last = await more({ SECRET_KEY: B, SECRET_KEY_PREVIOUS: '' });
        await createClient(last).login(boss);
      },
      { SECRET_KEY: A, SECRET_KEY_PREVIOUS: B },
    ));

  test(`a change of SECRET_KEY, instance by instance: an old one cannot open the new key, and both go on (${name})`, () =>
    withKeys(
      freshUrl,
      async (k) => {
        const { here, there, boss, more } = k;
        const [active = assert.fail()] = await keysOf(k);
        const next = await more({ SECRET_KEY: B, SECRET_KEY_PREVIOUS: A });
        const client = createClient(next);
        await next.app.keys.encryption.current();
        // The next key is of before and was opened by all; the one after it is sealed under the new secret.
        for (let rotation = 0; rotation < 2; rotation++) {
          const { accessToken: token } = await client.login(boss);
          ok(await client.send('POST', '/admin/keys/rotate', { token }), 200);
        }
        await learns(async () => (await published(there)).length === 4);
        const [, second = assert.fail(), third = assert.fail()] = await keysOf(k);
        const { accessToken: old } = await createClient(there).login(boss);
        assert.equal(kidOf(old), second.id, 'the latest that it can open');
        const { accessToken: young } = await client.login(boss);
        assert.equal(kidOf(young), third.id);
        for (const t of [here, there, next]) {
          for (const token of [old, young]) assert.equal(await statusOf(t, token), 200);
        }
        const sealed = await here.app.storage.keys.list();
        const seals = new Set(sealed.map(({ sealedPrivateKey }) => sealedPrivateKey.split('.')[0]));
        assert.equal(seals.size, 1, 'all states and uses are under the new secret');

        // What it can open is thrown away: it signs nothing rather than what nobody accepts.
        for (const id of [active.id, second.id]) ok(await askKeys(k, 'POST', `/${id}/revoke`), 200);
        await learns(async () => (await published(there)).length === 2);
        const body = { login: boss.email, password: boss.password };
        refused(await createClient(there).send('POST', '/auth/login', { body }), 503, 'unavailable');
        assert.equal(await statusOf(there, young), 200);
      },
      { SECRET_KEY: A },
    ));
}
