import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { BSON, type Document, type IndexSpecification, MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { openTestApp } from './app.ts';
import { codeIn, createClient, ok, type SignedInBody } from './client.ts';
import { type DatabaseName, type TestDatabase, testDatabases } from './databases.ts';
import { refused, type Scene } from './scenario.ts';
import beforeFactors from './stored/before-factors.json' with { type: 'json' };
import before from './stored/before-sign-in-engine.json' with { type: 'json' };

const NEW_PASSWORD = 'feeds the cat at eight';

type Kept = typeof before;

/** What an earlier version has left: its database, and what its clients hold. */
interface Stored {
  version: string;
  database: DatabaseName;
  kept: Kept;
  /** Fills a new database with it. */
  fill(url: string): Promise<void>;
  emptyUrl: TestDatabase['emptyUrl'];
}

const read = async (name: string) => gunzipSync(await readFile(join(import.meta.dirname, 'stored', `${name}.gz`)));

/** As `stored/write.ts` writes it. */
const filling: Record<DatabaseName, (url: string, content: Buffer) => Promise<void>> = {
  sqlite: (url, content) => writeFile(url.slice('sqlite:'.length), content),
  async postgres(url, content) {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(content.toString());
    await client.end();
  },
  async mysql(url, content) {
    const connection = await createConnection({ uri: url, multipleStatements: true });
    await connection.query(content.toString());
    await connection.end();
  },
  async mongodb(url, content) {
    const client = new MongoClient(url);
    const collections = BSON.EJSON.parse(content.toString(), { relaxed: false }) as {
      name: string;
      indexes: { v: number; key: IndexSpecification; [option: string]: unknown }[];
      documents: Document[];
    }[];
    for (const { name, indexes, documents } of collections) {
      const collection = client.db().collection(name);
      if (documents.length > 0) await collection.insertMany(documents);
      for (const { v, key, ...options } of indexes) await collection.createIndex(key, options);
    }
    await client.close();
  },
};

/** Made by running each version at the hour at which the clock of tests stands. */
const STORED: Stored[] = testDatabases().flatMap(({ name, emptyUrl }) => {
  const stored = (version: string, file: string, kept: Kept): Stored => {
    const fill = async (url: string) => filling[name](url, await read(file));
    return { version, database: name, kept, fill, emptyUrl };
  };
  const latest = stored('before second factors', `before-factors.${name}`, beforeFactors[name]);
  if (name !== 'sqlite') return latest;
  return [stored('before the sign-in engine', 'before-sign-in-engine.sqlite', before), latest];
});

/** Each test migrates and serves a database of its own. */
async function withStored({ fill, emptyUrl }: Stored, run: (s: Scene) => Promise<void>): Promise<void> {
  const { url: databaseUrl, drop } = await emptyUrl();
  const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-stored-'));
  try {
    await fill(databaseUrl);
    const t = await openTestApp({ databaseUrl, dataDir });
    try {
      await run({ ...t, client: createClient(t), databaseUrl });
    } finally {
      await t.close();
    }
  } finally {
    await drop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

const post = (s: Scene, path: string, body: object, token?: string) =>
  s.client.send('POST', path, { body, ...(token && { token }) });

for (const stored of STORED) {
  const { version, database, kept } = stored;
  describe(`what the version ${version} has left in ${database} and at clients stays good`, () => {
    test('access tokens, and what is known of their sessions', () =>
      withStored(stored, async (s) => {
        const { accessToken: token, sessionId } = kept.adaSession;
        ok(await s.client.send('GET', '/users/me', { token }), 200);
        const who = ok<{ assurance: object }>(await s.client.send('GET', '/auth/whoami', { token }), 200);
        const authTime = s.time.now.toISOString();
        assert.deepEqual(who.assurance, { aal: 1, phishingResistant: false, methods: ['email'], authTime });
        const again = ok<{ accessToken: string }>(
          await post(s, '/auth/reauthenticate', { password: kept.password }, token),
          200,
        );
        ok(await s.client.send('GET', '/users/me', { token: again.accessToken }), 200);
        const session = await s.app.storage.sessions.find(sessionId);
        assert.deepEqual(
          session?.methods.map(({ method }) => method),
          ['email', 'password'],
        );
      }));

    test('refresh tokens: the present one, its predecessor, and the one in a cookie', () =>
      withStored(stored, async (s) => {
        const { refreshToken, former, sessionId, cookies } = kept.adaSession;
        const repeated = ok<SignedInBody>(await post(s, '/auth/refresh', { refreshToken: former }), 200);
        assert.equal(repeated.refreshToken, refreshToken);
        const next = ok<SignedInBody>(await post(s, '/auth/refresh', { refreshToken }), 200);
        assert.equal(next.session.id, sessionId);
        const headers = { cookie: cookies.join('; '), origin: 'http://localhost:8000' };
        ok(await s.client.send('POST', '/auth/refresh', { headers }), 200);
        const { email: login } = kept.ada;
        ok(
          await post(s, '/auth/login', { login, password: kept.password, deviceToken: kept.adaSession.deviceToken }),
          200,
        );
      }));

    test('reset links, which end the sessions of before', () =>
      withStored(stored, async (s) => {
        ok(await post(s, '/auth/reset-password', { token: kept.reset, newPassword: NEW_PASSWORD }), 204);
        refused(
          await s.client.send('GET', '/users/me', { token: kept.adaSession.accessToken }),
          401,
          'unauthenticated',
        );
        ok(await post(s, '/auth/login', { login: kept.ada.email, password: NEW_PASSWORD }), 200);
      }));

    test('invitations, registrations that wait for their code, and changes of address', () =>
      withStored(stored, async (s) => {
        ok(await post(s, '/auth/accept-invitation', { token: kept.invitation, password: NEW_PASSWORD }), 200);
        const { registrationId, registrationCode: code } = kept;
        ok(await post(s, '/auth/verify-email', { registrationId, code }), 200);
        ok(await post(s, '/users/me/email/confirm', { code: kept.changeCode }, kept.bobToken), 200);
      }));

    test('flow tokens, each with its step, once', () =>
      withStored(stored, async (s) => {
        const complete = (body: object) => post(s, '/auth/complete-step', { tokenTransport: 'body', ...body });
        const change = { flowToken: kept.changeFlow.flowToken, newPassword: NEW_PASSWORD };
        ok(await complete(change), 200);
        refused(await complete(change), 400, 'token_invalid');
        const verify = { flowToken: kept.verifyFlow.flowToken, code: kept.verifyCode };
        const { user } = ok<SignedInBody>(await complete(verify), 200);
        refused(await complete(verify), 400, 'token_invalid');
        assert.equal(user.emailVerified, true);
      }));

    // Only the version before the engine asked for a password first.
    const isAskedFirst = kept.bothFlow.step === 'change_password';
    if (isAskedFirst)
      test('a flow token whose step is no longer the first one is answered with the one that is', () =>
        withStored(stored, async (s) => {
          const complete = (body: object) => post(s, '/auth/complete-step', { tokenTransport: 'body', ...body });
          const { flowToken: old } = kept.bothFlow;
          const first = refused(await complete({ flowToken: old, newPassword: NEW_PASSWORD }), 403, 'step_required');
          assert.equal(first.step, 'verify_email');
          const code = codeIn((await s.mailsTo('gus@example.com'))[0]?.text);
          const second = refused(await complete({ flowToken: first.flowToken, code }), 403, 'step_required');
          assert.equal(second.step, 'change_password');
          ok(await complete({ flowToken: second.flowToken, newPassword: NEW_PASSWORD }), 200);
        }));

    test('roles, their grants and the superadmin', () =>
      withStored(stored, async (s) => {
        const status = async (token: string, path: string) => (await s.client.send('GET', path, { token })).statusCode;
        assert.equal(await status(kept.bobToken, '/admin/users'), 200);
        assert.equal(await status(kept.bobToken, '/admin/roles'), 403);
        assert.equal(await status(kept.rootToken, '/admin/keys'), 200);
      }));
  });
}
