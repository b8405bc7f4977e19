import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { breachDirectory, hashes, lines, sha1 } from '../src/platform/breaches/breach.testing.ts';
import { type AdminUser, admin, withWorld } from './administration.ts';
import { codeIn, ok, tokenIn } from './client.ts';
import { refused, somebody, withScene } from './scenario.ts';
import { withWatchedScene } from './watched-app.ts';

const BREACHED = 'paints the fence at nine';
const TEMPORARY = 'a password for one day';

/** A list that has one more password than its thousand. */
function breachList(t: TestContext, ...passwords: string[]): string {
  const file = join(breachDirectory(t), 'pwned.txt');
  writeFileSync(file, lines([...hashes(1000), ...passwords.map(sha1)].sort(), '\r\n'));
  return file;
}

test('wherever a password is set, one from the list is refused as common, and any other taken', (t) =>
  withWorld(
    async (w) => {
      const { client, mailsTo } = w;
      const post = (path: string, body: object, token?: string) =>
        client.send('POST', path, { body, ...(token && { token }) });
      const common = (answer: Parameters<typeof refused>[0]) => refused(answer, 400, 'password_common');
      const password = BREACHED;

      const person = somebody();
      common(await post('/auth/register', { ...person, password }));
      const { accessToken } = await client.register(person);
      const change = { currentPassword: person.password, newPassword: password };
      common(await post('/auth/change-password', change, accessToken));

      ok(await post('/auth/request-password-reset', { email: person.email }), 202);
      const token = tokenIn((await mailsTo(person.email))[0]?.text);
      common(await post('/auth/reset-password', { token, newPassword: password }));
      ok(await post('/auth/reset-password', { token, newPassword: 'feeds the cat at eight' }), 204);

      const invited = somebody();
      common(await admin(w, 'POST', '/users', { email: invited.email, temporaryPassword: password }));
      const { id } = ok<AdminUser>(await admin(w, 'POST', '/users', { email: invited.email }), 201);
      const invitation = tokenIn((await mailsTo(invited.email))[0]?.text);
      common(await post('/auth/accept-invitation', { token: invitation, password }));

      const path = `/users/${id}/temporary-password`;
      common(await admin(w, 'POST', path, { temporaryPassword: password }));
      ok(await admin(w, 'POST', path, { temporaryPassword: TEMPORARY }), 204);
      const asked = await post('/auth/login', { login: invited.email, password: TEMPORARY });
      const first = refused(asked, 403, 'step_required');
      const code = codeIn((await mailsTo(invited.email))[0]?.text);
      const next = await post('/auth/complete-step', { flowToken: first.flowToken, code });
      const { flowToken } = refused(next, 403, 'step_required');
      common(await post('/auth/complete-step', { flowToken, newPassword: password }));
    },
    { env: { PASSWORD_BREACH_FILE: breachList(t, BREACHED) } },
  ));

test('the first administrator has none from the list either', (t) =>
  withScene(
    async ({ app, client }) => {
      const body = { token: await app.setup.offer(), email: 'root@example.com' };
      refused(await client.send('POST', '/setup', { body: { ...body, password: BREACHED } }), 400, 'password_common');
      ok(await client.send('POST', '/setup', { body: { ...body, password: TEMPORARY } }), 201);
    },
    { env: { PASSWORD_BREACH_FILE: breachList(t, BREACHED) } },
  ));

test('a password is looked for as it is typed and in its composed forms', (t) =>
  withScene(
    async ({ client }) => {
      for (const password of [
        'mäht den rasen um zehn',
        'mäht den rasen um zehn'.normalize('NFD'),
        'ﬁlls the tub at two',
      ]) {
        const answer = await client.send('POST', '/auth/register', { body: somebody({ password }) });
        refused(answer, 400, 'password_common');
      }
    },
    { env: { PASSWORD_BREACH_FILE: breachList(t, 'mäht den rasen um zehn', 'fills the tub at two') } },
  ));

test('while the list cannot be read the built-in one decides, the log says so once, and /ready is degraded', async (t) => {
  const file = breachList(t, BREACHED);
  await withWatchedScene(
    async ({ client, log }) => {
      const register = (password: string) => client.send('POST', '/auth/register', { body: somebody({ password }) });
      const told = (what: string) => log.filter((line) => line.includes(what)).length;
      assert.deepEqual((await client.send('GET', '/api/v1/health/readiness')).json(), { status: 'ready' });
      refused(await register(BREACHED), 400, 'password_common');
      rmSync(file);
      ok(await register(BREACHED), 202);
      ok(await register(BREACHED), 202);
      refused(await register('password1'), 400, 'password_common');
      assert.equal(told('reading PASSWORD_BREACH_FILE fails'), 1);
      const ready = ok<{ status: string; checks: object }>(await client.send('GET', '/api/v1/health/readiness'), 200);
      assert.deepEqual(ready, { status: 'degraded', checks: { database: 'up', breachedPasswords: 'down' } });

      writeFileSync(file, lines([...hashes(10), sha1(BREACHED)].sort()));
      refused(await register(BREACHED), 400, 'password_common');
      assert.equal(told('reading PASSWORD_BREACH_FILE works again'), 1);
      assert.ok(!log.some((line) => line.includes(sha1(BREACHED)) || line.includes(BREACHED)));
    },
    { env: { PASSWORD_BREACH_FILE: file } },
  );
});
