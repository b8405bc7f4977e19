/**
 * Writes what the version that is checked out leaves in databases and at clients: `stored-data.test.ts` of later versions reads it. Run it
 * before a change of what is stored, with a name that says which:
 *
 *     STORED_NAME=before-factors npm test -- server/test/stored/write.ts
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { BSON, MongoClient } from 'mongodb';
import { SYSTEM_CALLER } from '../../src/platform/http/system-caller.ts';
import { openTestApp, standingClock, type TestApp } from '../app.ts';
import { codeIn, createClient, ok, type SignedInBody, tokenIn } from '../client.ts';
import { type DatabaseName, testDatabases } from '../databases.ts';
import { cookieOf, refused } from '../scenario.ts';

const NAME = process.env.STORED_NAME ?? '';
const PASSWORD = 'walks the dog at seven';
const run = promisify(execFile);
const LARGE = { maxBuffer: 64 * 1024 * 1024 };

/** What `stored.ts` reads again. Lines of psql's own commands are none of SQL. */
const dump: Record<DatabaseName, (url: string) => Promise<string | Buffer>> = {
  sqlite: async (url) => readFileSync(url.slice('sqlite:'.length)),
  async postgres(url) {
    const { stdout } = await run('pg_dump', ['--inserts', '--no-owner', '--no-privileges', url], LARGE);
    return stdout.replaceAll(/^\\.*$/gm, '');
  },
  async mysql(url) {
    const { hostname, port, username, password, pathname } = new URL(url);
    const login = [`--host=${hostname}`, `--port=${port}`, `--user=${username}`, `--password=${password}`];
    const { stdout } = await run('mariadb-dump', [...login, '--skip-extended-insert', pathname.slice(1)], LARGE);
    return stdout.replaceAll(/^\/\*M!.*$/gm, '');
  },
  async mongodb(url) {
    const client = new MongoClient(url);
    try {
      const collections = [];
      for (const collection of await client.db().collections()) {
        const { collectionName: name } = collection;
        collections.push({ name, indexes: await collection.indexes(), documents: await collection.find().toArray() });
      }
      return BSON.EJSON.stringify(collections, { relaxed: false });
    } finally {
      await client.close();
    }
  },
};

/** Uses the server as people do, and tells what each of them holds. Somebody is at every place at which something waits. */
async function use(t: TestApp) {
  const client = createClient(t);
  const post = (path: string, body: object, token?: string) =>
    client.send('POST', path, { body, ...(token && { token }) });
  const login = (email: string, more: object = {}) =>
    post('/auth/login', { login: email, password: PASSWORD, tokenTransport: 'body', ...more });
  const person = (name: string) => ({ email: `${name}@example.com`, username: `${name}_x`, password: PASSWORD });
  const [root, ada, bob, gus, eve] = ['rooter', 'ada', 'bob', 'gus', 'eve'].map(person) as [
    ReturnType<typeof person>,
    ReturnType<typeof person>,
    ReturnType<typeof person>,
    ReturnType<typeof person>,
    ReturnType<typeof person>,
  ];
  await t.app.setup.createUser(SYSTEM_CALLER, { ...root, superadmin: true });
  const { accessToken: rootToken } = await client.login(root);

  const first = await client.register(ada);
  const second = ok<SignedInBody>(await post('/auth/refresh', { refreshToken: first.refreshToken }), 200);
  const inBrowser = await client.send('POST', '/auth/login', { body: { login: ada.email, password: PASSWORD } });
  const [session, device] = [cookieOf(inBrowser), cookieOf(inBrowser, 'device')];
  const adaSession = {
    accessToken: second.accessToken,
    refreshToken: second.refreshToken,
    former: first.refreshToken,
    sessionId: second.session.id,
    cookies: [session, device].map(({ name, value }) => `${name}=${value}`),
    deviceToken: first.deviceToken,
  };
  ok(await post('/auth/request-password-reset', { email: ada.email }), 202);
  const reset = tokenIn((await t.mailsTo(ada.email))[0]?.text);

  await client.register(bob);
  const found = ok<{ items: { id: string }[] }>(
    await client.send('GET', '/admin/users?q=bob', { token: rootToken }),
    200,
  );
  const [{ id: bobId } = assert.fail()] = found.items;
  const readers = { code: 'readers', name: 'Readers', permissions: ['GET:/api/v1/admin/users'] };
  ok(await post('/admin/roles', readers, rootToken), 201);
  const roles = { roles: ['user', 'readers'] };
  ok(await client.send('PUT', `/admin/users/${bobId}/roles`, { token: rootToken, body: roles }), 200);
  const bobSession = await client.login(bob);
  ok(await post('/users/me/email', { newEmail: 'bobby@example.com' }, bobSession.accessToken), 202);
  const changeCode = codeIn((await t.mailsTo('bobby@example.com'))[0]?.text);

  const invited = { email: 'dora@example.com', username: 'dora_x', roles: ['user'] };
  ok(await post('/admin/users', invited, rootToken), 201);
  const invitation = tokenIn((await t.mailsTo(invited.email))[0]?.text);
  const asked = ok<{ registrationId: string }>(await post('/auth/register', person('carol')), 202);
  const registrationCode = codeIn((await t.mailsTo('carol@example.com'))[0]?.text);

  // Temporary passwords, and addresses that are not verified.
  const give = (who: Pick<typeof ada, 'email' | 'username'>, emailVerified: boolean) =>
    post(
      '/admin/users',
      { email: who.email, username: who.username, temporaryPassword: PASSWORD, emailVerified, roles: ['user'] },
      rootToken,
    );
  ok(await give(eve, true), 201);
  const changeFlow = refused(await login(eve.email), 403, 'step_required');
  const finn = await client.register(person('finn'));
  const unproved = { emailVerified: false };
  ok(await client.send('PATCH', `/admin/users/${finn.user.id}`, { token: rootToken, body: unproved }), 200);
  const verifyFlow = refused(await login('finn@example.com'), 403, 'step_required');
  const verifyCode = codeIn((await t.mailsTo('finn@example.com'))[0]?.text);
  ok(await give(gus, false), 201);
  const bothFlow = refused(await login(gus.email), 403, 'step_required');
  const steps = [changeFlow, verifyFlow, bothFlow].map(({ step }) => step);
  assert.deepEqual(steps, ['change_password', 'verify_email', 'verify_email']);
  await t.work();

  return {
    password: PASSWORD,
    root,
    ada,
    bob,
    gus,
    adaSession,
    bobToken: bobSession.accessToken,
    bobRefresh: bobSession.refreshToken,
    rootToken,
    reset,
    invitation,
    registrationId: asked.registrationId,
    registrationCode,
    changeCode,
    changeFlow,
    verifyFlow,
    verifyCode,
    bothFlow,
  };
}

test('writes what this version stores', async () => {
  assert.match(NAME, /^[a-z][a-z0-9-]+$/, 'STORED_NAME names what is written');
  const held: Record<string, unknown> = {};
  for (const { name, emptyUrl } of testDatabases()) {
    const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-stored-'));
    const { url: databaseUrl, drop } = await emptyUrl();
    const t = await openTestApp({ databaseUrl, dataDir, time: standingClock() });
    held[name] = await use(t);
    await t.close();
    const content = await dump[name](databaseUrl);
    writeFileSync(join(import.meta.dirname, `${NAME}.${name}.gz`), gzipSync(content, { level: 9 }));
    await drop();
    await rm(dataDir, { recursive: true, force: true });
  }
  writeFileSync(join(import.meta.dirname, `${NAME}.json`), `${JSON.stringify(held, null, 2)}\n`);
});
