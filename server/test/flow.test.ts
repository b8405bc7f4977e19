import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openTestApp, type TestApp } from './app.ts';
import { codeIn, createClient, ok, type SignedInBody, tokenIn } from './client.ts';
import { testDatabases } from './databases.ts';

const ANN = { email: 'ann@example.com', password: 'walks the dog at seven', username: 'ann' };

async function withApp(
  freshUrl: () => Promise<{ url: string; drop(): Promise<void> }>,
  run: (t: TestApp) => Promise<void>,
) {
  const { url, drop } = await freshUrl();
  const app = await openTestApp({ databaseUrl: url });
  try {
    await run(app);
  } finally {
    await app.close();
    await drop();
  }
}

for (const { name, freshUrl } of testDatabases()) {
  describe(`the whole way on ${name}`, () => {
    test('a person registers, verifies, refreshes, sees their sessions, and signs out', () =>
      withApp(freshUrl, async (t) => {
        const client = createClient(t);
        const asked = ok<{ status: string; registrationId: string }>(
          await client.send('POST', '/auth/register', { body: ANN }),
          202,
        );
        assert.equal(asked.status, 'verification_required');
        const [mail] = await t.mailsTo(ANN.email);
        const code = codeIn(mail?.text);
        const body = { registrationId: asked.registrationId, code, tokenTransport: 'body' };
        const first = ok<SignedInBody>(await client.send('POST', '/auth/verify-email', { body }), 200);
        assert.equal(first.user.email, ANN.email);
        assert.deepEqual(first.user.roles, ['user']);

        const me = ok<{ username: string }>(await client.send('GET', '/users/me', { token: first.accessToken }), 200);
        assert.equal(me.username, 'ann');

        const second = ok<SignedInBody>(
          await client.send('POST', '/auth/refresh', { body: { refreshToken: first.refreshToken } }),
          200,
        );
        assert.notEqual(second.refreshToken, first.refreshToken);
        const third = await client.login(ANN);
        const list = ok<{ items: { id: string; current: boolean }[] }>(
          await client.send('GET', '/sessions', { token: third.accessToken }),
          200,
        );
        assert.deepEqual(
          new Set(list.items.map(({ id, current }) => `${id} ${current}`)),
          new Set([`${second.session.id} false`, `${third.session.id} true`]),
        );

        ok(await client.send('DELETE', `/sessions/${second.session.id}`, { token: third.accessToken }), 204);
        ok(await client.send('GET', '/users/me', { token: second.accessToken }), 401);
        ok(await client.send('POST', '/auth/logout', { token: third.accessToken }), 204);
        ok(await client.send('GET', '/users/me', { token: third.accessToken }), 401);
        ok(await client.send('POST', '/auth/refresh', { body: { refreshToken: third.refreshToken } }), 401);

        const events = await t.app.storage.events.list({ userId: first.user.id }, { before: null, limit: 100 });
        assert.deepEqual(events.map(({ type }) => type).sort(), [
          'session.ended',
          'session.ended',
          'session.started',
          'session.started',
          'user.registered',
        ]);
      }));

    test('a forgotten password is reset by the mailed link, once, and every session ends', () =>
      withApp(freshUrl, async (t) => {
        const client = createClient(t);
        const ann = await client.register(ANN);
        ok(await client.send('POST', '/auth/request-password-reset', { body: { email: ANN.email } }), 202);
        const token = tokenIn((await t.mailsTo(ANN.email)).find(({ text }) => text.includes('#token='))?.text);
        const body = { token, newPassword: 'feeds the cat at eight' };
        ok(await client.send('POST', '/auth/reset-password', { body }), 204);
        ok(await client.send('GET', '/users/me', { token: ann.accessToken }), 401);
        ok(await client.send('POST', '/auth/reset-password', { body }), 400);
        ok(await client.send('POST', '/auth/login', { body: { login: ANN.email, password: ANN.password } }), 401);
        await client.login({ ...ANN, password: body.newPassword });
      }));

    test('the first superadmin is made by the link, once', () =>
      withApp(freshUrl, async (t) => {
        const client = createClient(t);
        const token = await t.app.setup.offer();
        assert.equal(await t.app.setup.offer(), token);
        const body = { token, email: 'root@example.com', password: 'keeps the keys at home' };
        const made = ok<{ user: { roles: string[] } }>(await client.send('POST', '/setup', { body }), 201);
        assert.deepEqual(made.user.roles, ['superadmin', 'user']);
        ok(await client.send('POST', '/setup', { body: { ...body, email: 'other@example.com' } }), 404);
        assert.equal(await t.app.setup.offer(), null);
      }));

    test('an account moves to another address by the code that is mailed there', () =>
      withApp(freshUrl, async (t) => {
        const client = createClient(t);
        const { accessToken: token } = await client.register(ANN);
        ok(await client.send('POST', '/users/me/email', { token, body: { newEmail: 'ann@example.org' } }), 202);
        const code = codeIn((await t.mailsTo('ann@example.org'))[0]?.text);
        const me = ok<{ email: string }>(
          await client.send('POST', '/users/me/email/confirm', { token, body: { code } }),
          200,
        );
        assert.equal(me.email, 'ann@example.org');
        const told = (await t.mailsTo(ANN.email)).map(({ subject }) => subject);
        assert.ok(
          told.some((subject) => /address/i.test(subject)),
          told.join(),
        );
        await client.login({ ...ANN, email: 'ann@example.org' });
      }));
  });
}
