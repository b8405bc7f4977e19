import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { LightMyRequestResponse } from 'fastify';
import { sql } from 'kysely';
import { SMTPServer } from 'smtp-server';
import { MINUTE, SECOND } from '../src/platform/clock.ts';
import type { Database, MongoDatabase } from '../src/platform/database/database.ts';
import { openTestApp, standingClock } from './app.ts';
import { codeIn, createClient, ok, type SignedInBody, tokenIn } from './client.ts';
import { testDatabases } from './databases.ts';
import { openGate } from './gate.ts';
import { type Problem, refused, somebody, withScene } from './scenario.ts';
import { withWatchedScene } from './watched-app.ts';

test('parity 14: /ready and /health answer while all is well', () =>
  withScene(async ({ app }) => {
    for (const path of ['/ready', '/api/v1/health/readiness', '/health', '/api/v1/health/liveness']) {
      assert.equal((await app.http.inject(path)).statusCode, 200, path);
    }
  }));

for (const { name, freshUrl } of testDatabases()) {
  // SQLite is a part of the process: it cannot be away alone.
  if (name === 'sqlite') continue;
  test(`parity 14: without its database nothing pretends, and all recovers by itself (${name})`, async () => {
    const fresh = await freshUrl();
    const gate = await openGate(fresh.url);
    const t = await openTestApp({ databaseUrl: gate.url, patience: 1 });
    try {
      const client = createClient(t);
      const person = somebody();
      const { accessToken: token, refreshToken } = await client.register(person);
      const credentials = { login: person.email, password: person.password };
      ok(await client.send('GET', '/users/me', { token }), 200);
      ok(await t.app.http.inject('/ready'), 200);

      await gate.shut();
      for (const path of ['/ready', '/api/v1/health/readiness']) {
        const answer = await t.app.http.inject(path);
        refused(answer, 503, 'unavailable');
        const said = JSON.stringify({ ...answer.json<Problem>(), requestId: '' });
        for (const secret of [new URL(gate.url).port, new URL(gate.url).password, '127.0.0.1', 'ECONN', 'connect']) {
          assert.ok(secret === '' || !said.includes(secret), said);
        }
      }
      assert.equal((await t.app.http.inject('/health')).statusCode, 200);
      const requests: [string, object][] = [
        ['/auth/login', credentials],
        ['/auth/login', { ...credentials, password: 'not the password' }],
        ['/auth/login', { ...credentials, login: 'nobody' }],
        ['/auth/refresh', { refreshToken }],
        ['/auth/logout', { refreshToken }],
        ['/auth/register', somebody()],
        ['/auth/request-password-reset', { email: person.email }],
        ['/auth/request-password-reset', { email: 'nobody@example.com' }],
        ['/auth/reset-password', { token: 'x'.repeat(80), newPassword: 'feeds the cat at eight' }],
        ['/auth/verify-email', { registrationId: '01890000-0000-7000-8000-000000000000', code: '123456' }],
      ];
      for (const [path, body] of requests) {
        const answer = await client.send('POST', path, { body });
        if (path === '/auth/reset-password' && answer.statusCode === 400) continue;
        assert.equal(answer.statusCode, 503, `${path}: ${answer.statusCode} ${answer.body}`);
        refused(answer, 503, 'unavailable');
      }
      refused(await client.send('POST', '/auth/logout', { token }), 503, 'unavailable');
      refused(await client.send('GET', '/users/me', { token }), 503, 'unavailable');
      assert.equal((await t.app.http.inject('/health')).statusCode, 200);

      await gate.open();
      const answered: LightMyRequestResponse[] = [];
      do {
        await pause(20);
        answered.push(await t.app.http.inject('/ready'));
      } while (answered.at(-1)?.statusCode !== 200);
      ok(await client.send('GET', '/users/me', { token }), 200);
      const again = await client.send('POST', '/auth/refresh', { body: { refreshToken } });
      ok(await client.send('GET', '/users/me', { token: ok<SignedInBody>(again, 200).accessToken }), 200);
      await client.login(person);
      await client.register(somebody());
    } finally {
      await gate.open();
      await t.close();
      await gate.shut();
      await fresh.drop();
    }
  });
}

/**
 * MongoDB: an index that covers only what is written from now on, and that cannot hold it. Records say when they were made, and
 * their version grows with every change.
 */
async function refuseInMongo({ db }: MongoDatabase, operation: 'insert' | 'update', table: string) {
  const [newest] = await db
    .collection(table)
    .find()
    .sort({ [operation === 'insert' ? 'createdAt' : 'version']: -1 })
    .limit(1)
    .toArray();
  const later =
    operation === 'insert'
      ? { createdAt: { $gt: newest?.createdAt ?? new Date(0) } }
      : { version: { $gt: newest?.version ?? 0 } };
  const key = { [table === 'sessions' ? 'userId' : 'emailNorm']: '2dsphere' as const };
  await db.collection(table).createIndex(key, { name: 'refuse', partialFilterExpression: later });
  return () => db.collection(table).dropIndex('refuse');
}

/** Makes every insert into (or update of) a table fail, at the commit where the database can do that. */
async function refuse(
  database: Database,
  operation: 'insert' | 'update',
  table: string,
): Promise<() => Promise<unknown>> {
  if (database.kind === 'mongo') return refuseInMongo(database, operation, table);
  const { db, dialect } = database;
  const execute = async (...statements: string[]) => {
    for (const statement of statements) await sql.raw(statement).execute(db);
  };
  if (dialect === 'sqlite') {
    await execute(
      'create table if not exists nobody (id integer primary key)',
      'create table if not exists refused (id integer references nobody (id) deferrable initially deferred)',
      `create trigger refuse after ${operation} on ${table} begin insert into refused values (1); end`,
    );
    return () => execute('drop trigger refuse');
  }
  if (dialect === 'postgres') {
    await execute(
      `create or replace function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`,
      `create constraint trigger refuse after ${operation} on ${table} deferrable initially deferred for each row execute function refuse()`,
    );
    return () => execute(`drop trigger refuse on ${table}`);
  }
  await execute(
    `create trigger refuse before ${operation} on ${table} for each row signal sqlstate '45000' set message_text = 'no'`,
  );
  return () => execute('drop trigger refuse');
}

for (const { name, freshUrl } of testDatabases()) {
  test(`parity 16: a commit that fails never answers 2xx, and leaves nothing behind (${name})`, () =>
    withWatchedScene(
      async (s) => {
        const { client } = s;
        async function assertFails(
          operation: 'insert' | 'update',
          table: string,
          act: () => Promise<LightMyRequestResponse>,
        ) {
          s.time.forward(SECOND);
          const allow = await refuse(s.database, operation, table);
          const answer = await act();
          assert.ok(answer.statusCode >= 500, `${operation} ${table}: ${answer.statusCode} ${answer.body}`);
          refused(answer, answer.statusCode, answer.json<Problem>().code);
          assert.equal(answer.headers['set-cookie'], undefined);
          await allow();
        }

        const person = somebody();
        const register = () => client.send('POST', '/auth/register', { body: person });
        await assertFails('insert', 'registrations', register);
        assert.deepEqual(await s.mailsTo(person.email), []);
        const { registrationId } = ok<{ registrationId: string }>(await register(), 202);

        const code = codeIn((await s.mailsTo(person.email))[0]?.text);
        const verify = () =>
          client.send('POST', '/auth/verify-email', { body: { registrationId, code, tokenTransport: 'body' } });
        await assertFails('insert', 'users', verify);
        assert.equal(await s.app.storage.users.findByEmail(person.email), null);
        assert.equal((await s.mailsTo(person.email)).length, 1, 'no welcome yet');
        const signedIn = ok<SignedInBody>(await verify(), 200);
        assert.equal((await s.mailsTo(person.email)).length, 2);

        const login = () =>
          client.send('POST', '/auth/login', { body: { login: person.email, password: person.password } });
        await assertFails('insert', 'sessions', login);
        const { accessToken: token, refreshToken } = signedIn;
        const { items } = ok<{ items: unknown[] }>(await client.send('GET', '/sessions', { token }), 200);
        assert.equal(items.length, 1);

        const refresh = () => client.send('POST', '/auth/refresh', { body: { refreshToken } });
        await assertFails('update', 'sessions', refresh);
        ok(await refresh(), 200);

        const reset = () => client.send('POST', '/auth/request-password-reset', { body: { email: person.email } });
        await assertFails('insert', 'challenges', reset);
        assert.equal((await s.mailsTo(person.email)).length, 2, 'no link');
        ok(await reset(), 202);
        const link = tokenIn((await s.mailsTo(person.email))[0]?.text);
        const useLink = () =>
          client.send('POST', '/auth/reset-password', { body: { token: link, newPassword: 'feeds the cat at eight' } });
        await assertFails('update', 'users', useLink);
        ok(await client.send('GET', '/users/me', { token }), 200);

        const body = { currentPassword: person.password, newPassword: 'paints the fence at nine' };
        const changePassword = () => client.send('POST', '/auth/change-password', { token, body });
        await assertFails('update', 'users', changePassword);
        ok(await login(), 200);
        const rename = () => client.send('PATCH', '/users/me', { token, body: { fullName: 'Other' } });
        await assertFails('update', 'users', rename);
        const shown = ok<{ fullName: null }>(await client.send('GET', '/users/me', { token }), 200);
        assert.equal(shown.fullName, null);
        await assertFails('update', 'users', () => client.send('POST', '/auth/logout-all', { token }));
        await assertFails('update', 'users', () => client.send('DELETE', '/users/me', { token }));
        const logout = () => client.send('POST', '/auth/logout', { token });
        await assertFails('update', 'sessions', logout);
        ok(await client.send('GET', '/users/me', { token }), 200);
        // What was refused is still possible, with the very same secrets.
        ok(await useLink(), 204);
        refused(await client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
        await client.login({ ...person, password: 'feeds the cat at eight' });
      },
      { freshUrl },
    ));
}

/** An SMTP server that refuses for now what it is sent, until it is told to accept. */
async function openPostOffice() {
  const office = { open: false, received: [] as string[], refusals: 0 };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 50,
    logger: false,
    async onData(stream, session, callback) {
      // A sender that stops breaks off.
      if ((await buffer(stream).catch(() => null)) === null) return;
      if (!office.open) {
        office.refusals += 1;
        callback(Object.assign(new Error('try again later'), { responseCode: 451 }));
        return;
      }
      office.received.push(...session.envelope.rcptTo.map(({ address }) => address));
      callback();
    },
  });
  server.on('error', () => {});
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(resolve));
  return { office, url: `smtp://127.0.0.1:${port}`, close };
}

describe('parity 16: mail that was promised', () => {
  for (const { name, freshUrl } of testDatabases()) {
    test(`parity 16: is delivered, once, after the mail server refused it at first (${name})`, async () => {
      const { office, url, close } = await openPostOffice();
      try {
        await withScene(
          async (s) => {
            const person = somebody();
            ok(await s.client.send('POST', '/auth/register', { body: person }), 202);
            await s.work();
            assert.ok(office.refusals >= 1);
            s.time.forward(10 * SECOND);
            await s.work();
            assert.deepEqual(office.received, []);
            office.open = true;
            s.time.forward(MINUTE);
            await s.work();
            assert.deepEqual(office.received, [person.email]);
            s.time.forward(MINUTE);
            await s.work();
            assert.deepEqual(office.received, [person.email]);
          },
          { freshUrl, env: { SMTP_URL: url } },
        );
      } finally {
        await close();
      }
    });

    test(`parity 16: is delivered, once, by whoever starts after the server that promised it has gone (${name})`, async () => {
      const { office, url, close } = await openPostOffice();
      const { url: databaseUrl, drop } = await freshUrl();
      const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-promise-'));
      const shared = { databaseUrl, dataDir, time: standingClock(), env: { SMTP_URL: url } };
      try {
        const person = somebody();
        const first = await openTestApp(shared);
        try {
          ok(await createClient(first).send('POST', '/auth/register', { body: person }), 202);
        } finally {
          await first.close();
        }
        office.open = true;
        shared.time.forward(MINUTE);
        const second = await openTestApp(shared);
        try {
          await second.work();
          assert.deepEqual(office.received, [person.email]);
        } finally {
          await second.close();
        }
      } finally {
        await close();
        await drop();
        await rm(dataDir, { recursive: true, force: true });
      }
    });
  }
});
