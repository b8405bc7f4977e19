import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { doctor } from '../src/cli/doctor.ts';
import { WrongSecretKey } from '../src/modules/keys/secret-check.ts';
import type { UserRecord } from '../src/modules/users/user-store.ts';
import { HOUR, SECOND } from '../src/platform/clock.ts';
import { createKeyring } from '../src/platform/crypto/keyring.ts';
import { deriveCode } from '../src/platform/crypto/one-time.ts';
import { newId } from '../src/platform/ids.ts';
import { createLog } from '../src/platform/telemetry/log.ts';
import { openTestApp, standingClock } from './app.ts';
import { codeIn, createClient, ok, tokenIn } from './client.ts';
import { makeEvent, makeUser } from './fixtures.ts';
import { atOnce, freshSqlite, refused, type Scene, somebody, tally, withScene } from './scenario.ts';
import { ELEVATION } from './session-verbs.ts';

type Verb = (...args: never[]) => Promise<unknown>;

/** Lets something happen just before or after a verb of a store runs: the moment that an attacker waits for. */
function around<K extends string, S extends { [P in K]: Verb }>(
  store: S,
  verb: K,
  { before, after }: { before?: () => Promise<unknown>; after?: () => Promise<unknown> },
): void {
  const original = store[verb];
  const replaced = async (...args: never[]) => {
    await before?.();
    const result = await original(...args);
    await after?.();
    return result;
  };
  Object.assign(store, { [verb]: replaced });
}

/** The first time only. */
function once(happens: () => Promise<unknown>): () => Promise<unknown> {
  let done = false;
  return async () => {
    if (done) return;
    done = true;
    await happens();
  };
}

async function resetLink(s: Scene, email: string): Promise<string> {
  ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email } }), 202);
  return tokenIn((await s.mailsTo(email)).find(({ text }) => text.includes('#token='))?.text);
}

/** A user as an administrator or an older configuration may have left them. */
async function insertUser(s: Scene, password: string, fields: Partial<UserRecord>): Promise<UserRecord> {
  const { email } = somebody();
  const passwordHash = await s.app.hasher.hash(password);
  const user = makeUser({ email, emailNorm: email, emailChange: null, passwordHash, ...fields });
  await s.app.storage.users.insert(user, makeEvent(`user:${user.id}`, { userId: user.id, pending: false }));
  return user;
}

const NEW_PASSWORD = 'feeds the cat at eight';

test('a thief who is just ending the other sessions does not keep theirs through a reset', () =>
  withScene(async (s) => {
    const owner = somebody();
    const stolen = await s.client.register(owner);
    const token = await resetLink(s, owner.email);
    ok(await s.client.send('GET', '/users/me', { token: stolen.accessToken }), 200);
    const reset = { token, newPassword: NEW_PASSWORD };
    // The thief's request has been let in when the owner's reset commits.
    around(s.app.storage.users, 'endSessions', {
      before: once(async () => ok(await s.client.send('POST', '/auth/reset-password', { body: reset }), 204)),
    });
    refused(await s.client.send('DELETE', '/sessions', { token: stolen.accessToken }), 401, 'unauthenticated');
    refused(await s.client.send('GET', '/users/me', { token: stolen.accessToken }), 401, 'unauthenticated');
    const body = { refreshToken: stolen.refreshToken };
    refused(await s.client.send('POST', '/auth/refresh', { body }), 401, 'refresh_invalid');
  }));

test('a change of password that is under way does not keep a session that was ended with all others', () =>
  withScene(async (s) => {
    const person = somebody();
    const one = await s.client.register(person);
    const two = await s.client.login(person);
    around(s.app.storage.users, 'setPassword', {
      before: once(async () => ok(await s.client.send('POST', '/auth/logout-all', { token: two.accessToken }), 204)),
    });
    const body = { currentPassword: person.password, newPassword: NEW_PASSWORD };
    const answer = await s.client.send('POST', '/auth/change-password', { token: one.accessToken, body });
    refused(answer, 401, 'unauthenticated');
    refused(await s.client.send('GET', '/users/me', { token: one.accessToken }), 401, 'unauthenticated');
    await s.client.login(person);
  }));

test('a sign-in that waited for a new password is ended by what ended all sessions meanwhile', () =>
  withScene(async (s) => {
    const password = 'chosen by the administrator';
    const user = await insertUser(s, password, { mustChangePassword: true });
    const { users } = s.app.storage;
    const asked = await s.client.send('POST', '/auth/login', { body: { login: user.email, password } });
    const { flowToken } = refused(asked, 403, 'step_required');
    around(users, 'setPassword', {
      after: once(async () => {
        const now = (await users.find(user.id)) ?? assert.fail();
        const change = { sessionEpoch: now.sessionEpoch + 1, keptSessionId: null };
        const event = makeEvent(`user:${user.id}`, { pending: false });
        assert.equal(
          await users.endSessions({ id: user.id, version: now.version, now: s.time.now }, change, event),
          'ok',
        );
      }),
    });
    const body = { flowToken, newPassword: NEW_PASSWORD, tokenTransport: 'body' };
    refused(await s.client.send('POST', '/auth/complete-step', { body }), 400, 'token_invalid');
    assert.deepEqual(await s.app.storage.sessions.listLatest(user.id, 10), []);
  }));

test('what ends all sessions while a step sets the password ends the flow, and the session that waited for it', () =>
  withScene(async (s) => {
    const person = somebody();
    await s.client.register(person);
    const { refreshToken, session, user: who } = await s.client.login(person);
    const { users, sessions } = s.app.storage;
    // As it may come to be one day: whoever may go on only with another password.
    const at = async () => ({ id: who.id, version: (await users.find(who.id))?.version ?? 0, now: s.time.now });
    const event = () => makeEvent(`user:${who.id}`, { userId: who.id, pending: false, evicts: true });
    const now = (await users.find(who.id)) ?? assert.fail();
    const { passwordVersion, sessionEpoch, passwordHash } = now;
    const must = {
      hash: passwordHash ?? '',
      passwordVersion,
      mustChangePassword: true,
      sessionEpoch,
      keptSessionId: null,
    };
    assert.equal(await users.setPassword(await at(), must, event()), 'ok');
    const asked = await s.client.send('POST', '/auth/refresh', { body: { refreshToken } });
    const { flowToken, step } = refused(asked, 403, 'step_required');
    assert.equal(step, 'change_password');
    around(users, 'setPassword', {
      before: once(async () => {
        const ended = { sessionEpoch: sessionEpoch + 1, keptSessionId: null };
        assert.equal(await users.endSessions(await at(), ended, event()), 'ok');
      }),
    });
    const body = { flowToken, newPassword: NEW_PASSWORD, tokenTransport: 'body' };
    refused(await s.client.send('POST', '/auth/complete-step', { body }), 400, 'token_invalid');
    assert.equal((await users.find(who.id))?.passwordVersion, passwordVersion);
    assert.equal((await sessions.find(session.id))?.version, 1);
    refused(await s.client.send('POST', '/auth/refresh', { body: { refreshToken } }), 401, 'refresh_invalid');
  }));

test('a session that is being written while all sessions are ended is born dead', () =>
  withScene(async (s) => {
    const password = 'chosen by the administrator';
    const user = await insertUser(s, password, { mustChangePassword: false });
    const { users, sessions } = s.app.storage;
    around(sessions, 'create', {
      before: once(async () => {
        const now = (await users.find(user.id)) ?? assert.fail();
        const change = { sessionEpoch: now.sessionEpoch + 1, keptSessionId: null };
        const event = makeEvent(`user:${user.id}`, { pending: false });
        assert.equal(
          await users.endSessions({ id: user.id, version: now.version, now: s.time.now }, change, event),
          'ok',
        );
      }),
    });
    const body = { login: user.email, password, tokenTransport: 'body' };
    const answer = await s.client.send('POST', '/auth/login', { body });
    const { accessToken: token } = ok<{ accessToken: string }>(answer, 200);
    refused(await s.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
  }));

test('a sign-in that waited for a code is ended by a reset meanwhile', () =>
  withScene(async (s) => {
    const password = 'known to somebody else';
    const user = await insertUser(s, password, { emailVerified: false, mustChangePassword: false });
    const email = user.email ?? assert.fail();
    const token = await resetLink(s, email);
    const asked = await s.client.send('POST', '/auth/login', { body: { login: email, password } });
    const { flowToken } = refused(asked, 403, 'step_required');
    const code = codeIn((await s.mailsTo(email)).find(({ subject }) => /confirm/i.test(subject))?.text);
    const reset = { token, newPassword: NEW_PASSWORD };
    around(s.app.storage.users, 'takeEmail', {
      after: once(async () => ok(await s.client.send('POST', '/auth/reset-password', { body: reset }), 204)),
    });
    const body = { flowToken, code, tokenTransport: 'body' };
    refused(await s.client.send('POST', '/auth/complete-step', { body }), 400, 'token_invalid');
    assert.deepEqual(await s.app.storage.sessions.listLatest(user.id, 10), []);
  }));

test('strangers who ask for resets without end do not keep the owner from a link', () =>
  withScene(async (s) => {
    const { email, password } = somebody();
    await s.client.register({ email, password });
    const links = async () => (await s.mailsTo(email)).filter(({ text }) => text.includes('#token=')).length;
    // A burst is written before the first of its mails is made.
    const burst = Promise.withResolvers<void>();
    around(s.app.storage.challenges, 'find', { before: () => burst.promise });
    const ask = async (count: number) => {
      for (let i = 0; i < count; i++) {
        s.time.forward(1);
        ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email } }), 202);
      }
    };
    await ask(20);
    burst.resolve();
    // The code of the registration was the first of five mails.
    assert.equal(await links(), 4);
    // They go on, and in the next hour there are links again.
    s.time.forward(HOUR);
    await ask(20);
    assert.equal(await links(), 9);
  }));

test('many registrations of one address at one moment get no more codes than one after the other', () =>
  withScene(async (s) => {
    const { email, password } = somebody();
    const CALLERS = 12;
    const { registrations } = s.app.storage;
    // None is there while any of them is still being counted.
    const all = Promise.withResolvers<void>();
    let arrived = 0;
    around(registrations, 'create', {
      before: async () => {
        arrived += 1;
        if (arrived === CALLERS) all.resolve();
        await all.promise;
      },
    });
    const answers = await atOnce(CALLERS, () => s.client.send('POST', '/auth/register', { body: { email, password } }));
    assert.deepEqual(tally(answers), { '202': CALLERS });
    assert.equal((await s.mailsTo(email)).length, 5);

    // Codes that were not mailed are of no use, also where they are guessed.
    const keyring = createKeyring(s.config.secretKeys);
    const guesses = [];
    const ids = answers.map((answer) => answer.json<{ registrationId: string }>().registrationId);
    // The first five of the moment by their ids come last: they are good.
    for (const registrationId of ids.toSorted().toReversed()) {
      const { id, codeId, keyId, emailNorm } = (await registrations.find(registrationId)) ?? assert.fail();
      const code = deriveCode(keyring, { purpose: 'registration', id: codeId, subject: `${id} ${emailNorm}`, keyId });
      guesses.push(await s.client.send('POST', '/auth/verify-email', { body: { registrationId, code } }));
    }
    assert.deepEqual(tally(guesses), { '200': 1, '409 email_taken': 4, '400 code_invalid': CALLERS - 5 });
  }));

test('a network of clients has no more changes of address, and codes to guess at, than one client', () =>
  withScene(
    async (s) => {
      const { accessToken: token } = await s.client.register(somebody());
      const body = { newEmail: 'stranger@example.org' };
      const answers = [];
      for (let client = 1; client <= 8; client++) {
        const headers = { 'x-forwarded-for': `2001:db8:0:${client}::1` };
        answers.push(await s.client.send('POST', '/users/me/email', { token, body, headers }));
      }
      assert.deepEqual(tally(answers), { '202': 5, '429 rate_limited': 3 });
      const guesses = [];
      for (let client = 1; client <= 8; client++) {
        const headers = { 'x-forwarded-for': `2001:db8:1:${client}::1` };
        const guess = { code: String(client).padStart(6, '0') };
        guesses.push(await s.client.send('POST', '/users/me/email/confirm', { token, body: guess, headers }));
      }
      assert.equal(tally(guesses)['429 rate_limited'], 3);
    },
    { env: { RATE_LIMITS: 'on', TRUSTED_PROXIES: '127.0.0.1' } },
  ));

test('nobody is told that a session is over while somebody else keeps changing it', () =>
  withScene(async (s) => {
    const { accessToken: token, session } = await s.client.register(somebody());
    const { sessions } = s.app.storage;
    around(sessions, 'end', {
      before: async () => {
        const { id, version } = (await sessions.find(session.id)) ?? assert.fail();
        await sessions.elevate({ id, version }, ELEVATION, makeEvent(`session:${id}`, { pending: false }));
      },
    });
    refused(await s.client.send('POST', '/auth/logout', { token }), 503, 'overloaded');
    refused(await s.client.send('DELETE', `/sessions/${session.id}`, { token }), 503, 'overloaded');
  }));

test('codes whose SECRET_KEY is gone are wrong codes, and new ones can be had', async () => {
  const { url: databaseUrl, drop } = await freshSqlite();
  const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-keys-'));
  const time = standingClock();
  const open = (env: Record<string, string>) => openTestApp({ databaseUrl, dataDir, time, env });
  const [old, next] = ['the first key of this test, 0123456789', 'the next key of this test, 9876543210'];
  const newcomer = somebody();
  try {
    const first = await open({ SECRET_KEY: old });
    const before = createClient(first);
    const { accessToken: token } = await before.register(somebody());
    const asked = await before.send('POST', '/auth/register', { body: newcomer });
    const { registrationId } = ok<{ registrationId: string }>(asked, 202);
    const code = codeIn((await first.mailsTo(newcomer.email))[0]?.text);
    ok(await before.send('POST', '/users/me/email', { token, body: { newEmail: 'moved@example.org' } }), 202);
    const moveCode = codeIn((await first.mailsTo('moved@example.org'))[0]?.text);

    await (await open({ SECRET_KEY: next, SECRET_KEY_PREVIOUS: old })).close();
    // The first one still runs, and somebody shows it a token that names a key which it does not know.
    const [, payload, signature] = token.split('.');
    const header = { alg: 'EdDSA', typ: 'at+jwt', kid: newId(time.now) };
    const forged = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`;
    refused(await before.send('GET', '/users/me', { token: forged }), 401, 'unauthenticated');
    await first.close();
    await assert.rejects(open({ SECRET_KEY: old }), WrongSecretKey);

    const second = await open({ SECRET_KEY: next });
    const client = createClient(second);
    const body = { registrationId, code };
    refused(await client.send('POST', '/auth/verify-email', { body }), 400, 'code_invalid');
    const move = { token, body: { code: moveCode } };
    refused(await client.send('POST', '/users/me/email/confirm', move), 400, 'code_invalid');
    time.forward(61 * SECOND);
    ok(await client.send('POST', '/auth/resend-verification', { body: { registrationId } }), 202);
    const fresh = codeIn((await second.mailsTo(newcomer.email))[0]?.text);
    ok(await client.send('POST', '/auth/verify-email', { body: { registrationId, code: fresh } }), 200);
    await second.close();
  } finally {
    await drop();
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('looking at a server with a new SECRET_KEY does not make that one known', () =>
  withScene(async (s) => {
    const { current } = s.config.secretKeys;
    const secretKeys = { current: 'only the doctor has this one, 0123456789', previous: current };
    await doctor([], { config: { ...s.config, secretKeys }, warnings: [], unread: [], log: createLog(s.config.log) });
    assert.deepEqual(
      (await s.app.storage.secretChecks.list()).map(({ keyId }) => keyId),
      [createKeyring(s.config.secretKeys).currentKeyId],
    );
  }));
