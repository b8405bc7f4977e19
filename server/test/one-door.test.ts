import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { UserRecord } from '../src/modules/users/user-store.ts';
import { addAuthenticator, appCode, type BegunTotp } from './authenticator.ts';
import { codeIn, type Person, tokenIn } from './client.ts';
import { makeEvent, makeFactors, makeTotp, makeUser } from './fixtures.ts';
import { begin, verify } from './mail-sign-in.ts';
import { refused, type Scene, somebody, withScene } from './scenario.ts';

const SOURCE = join(import.meta.dirname, '../src');

/** What begins a session, or lets one go on. */
const DOORS = /\bsessions\.(?:start|refresh|elevate|strengthen|reauthenticate)\(/;

/** Files of the server in which a call like this stands. */
function callersOf(call: RegExp): string[] {
  const files = globSync('**/*.ts', { cwd: SOURCE, exclude: (name) => /\.(?:test|contract)\.ts$/.test(name) });
  return files.filter((file) => call.test(readFileSync(join(SOURCE, file), 'utf8'))).sort();
}

describe('the one door to a session', () => {
  test('only the sign-in engine begins a session, or lets one go on', () => {
    assert.deepEqual(callersOf(DOORS), ['modules/sign-in/engine.ts']);
  });

  test('one file begins one in the store, and one rotates it', () => {
    const holders = callersOf(/\bSessionStore\b/).filter((file) => file.startsWith('modules/'));
    const writers = callersOf(
      /(?:\bstore|\bsessions|\bsessionStore)\.(?:create|rotate)\(\s*(?:session|\{ \.\.\.change)/,
    );
    assert.ok(writers.every((file) => holders.includes(file)));
    assert.deepEqual(writers, ['modules/sessions/refresh.ts', 'modules/sessions/sessions.ts']);
    // Whoever takes the store takes it whole: these do, and each was looked at.
    assert.deepEqual(callersOf(/storage\.sessions\b/), ['app.ts', 'modules/sessions/index.ts']);
  });

  test('a new caller would be seen', () => {
    const sources = ['await sessions.start(caller, user, how)', 'return sessions.elevate(caller, id, proofs)'];
    for (const source of sources) assert.match(source, DOORS);
  });
});

const STATES: Record<string, Partial<UserRecord>> = {
  disabled: { status: 'disabled' },
  deleted: { status: 'deleted', deletedAt: new Date('2026-11-20T11:00:00.000Z') },
  erased: { status: 'erased', deletedAt: new Date('2026-11-20T11:00:00.000Z') },
  unverified: { emailVerified: false },
  'with a temporary password': { mustChangePassword: true },
};

type Account = Person & { id: string };

/** Adds an authenticator app to an account, under an epoch that counts. */
async function addApp({ app: { storage } }: Scene, id: string): Promise<void> {
  const { credentialEpoch } = (await storage.users.find(id)) ?? assert.fail();
  const record = makeFactors({ userId: id, credentialEpoch });
  assert.equal(await storage.factors.begin(record), true);
  const event = makeEvent(`factors:${id}`, { userId: id, pending: false });
  assert.equal(await storage.factors.enableTotp(record, makeTotp(), {}, event), 'ok');
}

async function account(s: Scene, fields: Partial<UserRecord>): Promise<Account> {
  const { email, password } = somebody();
  const passwordHash = await s.app.hasher.hash(password);
  const clean = { emailChange: null, invitation: null, mustChangePassword: false, emailVerified: true };
  const user = makeUser({ email, emailNorm: email, passwordHash, ...clean, ...fields });
  await s.app.storage.users.insert(user, makeEvent(`user:${user.id}`, { userId: user.id, pending: false }));
  return { id: user.id, email, password };
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

/** Every way in that takes what the account has: each is asked as its owner would ask. */
const WAYS: Record<string, (s: Scene, who: Account) => ReturnType<Scene['client']['send']>> = {
  'login, JSON': (s, { email, password }) =>
    s.client.send('POST', '/auth/login', { body: { login: email, password, tokenTransport: 'body' } }),
  'login, cookie': (s, { email, password }) =>
    s.client.send('POST', '/auth/login', { body: { login: email, password } }),
  'login, form': (s, { email: username, password }) =>
    s.client.send('POST', '/auth/login', { body: form({ username, password }), headers: FORM }),
  'token, the form of development': (s, { email: username, password }) =>
    s.client.send('POST', '/auth/token', { body: form({ grant_type: 'password', username, password }), headers: FORM }),
};

describe('no account that may not sign in gets a token, whichever way it comes', () => {
  const WITH_APP = 'with a second factor';
  for (const [state, fields] of Object.entries({ ...STATES, [WITH_APP]: {} })) {
    test(state, () =>
      withScene(
        async (s) => {
          const who = await account(s, fields);
          if (state === WITH_APP) await addApp(s, who.id);
          for (const [way, ask] of Object.entries(WAYS)) {
            const answer = await ask(s, who);
            assert.ok([401, 403].includes(answer.statusCode), `${way}: ${answer.statusCode} ${answer.body}`);
            assert.doesNotMatch(answer.body, /access_?token/i, way);
            assert.equal(answer.headers['set-cookie'], undefined, way);
          }
          assert.deepEqual(await s.app.storage.sessions.listLatest(who.id, 10), []);
        },
        { env: { ENVIRONMENT: 'development' } },
      ),
    );
  }

  /** The last request of a way that began while the account was well. */
  const BEGUN: Record<
    string,
    (s: Scene) => Promise<{ id: string; finish: () => ReturnType<Scene['client']['send']> }>
  > = {
    'a step of a sign-in': async (s) => {
      const { id, email, password } = await account(s, { mustChangePassword: true });
      const asked = await s.client.send('POST', '/auth/login', { body: { login: email, password } });
      const { flowToken } = refused(asked, 403, 'step_required');
      const body = { flowToken, newPassword: 'feeds the cat at eight', tokenTransport: 'body' };
      return { id, finish: () => s.client.send('POST', '/auth/complete-step', { body }) };
    },
    'an invitation': async (s) => {
      const root = somebody();
      const operator = { actor: 'operator', ip: '', userAgent: '', requestId: '' } as const;
      await s.app.setup.createUser(operator, { ...root, superadmin: true });
      const { accessToken: token } = await s.client.login(root);
      const { email } = somebody();
      const made = await s.client.send('POST', '/admin/users', { token, body: { email } });
      const link = tokenIn((await s.mailsTo(email))[0]?.text);
      const body = { token: link, password: 'feeds the cat at eight', tokenTransport: 'body' };
      return {
        id: made.json<{ id: string }>().id,
        finish: () => s.client.send('POST', '/auth/accept-invitation', { body }),
      };
    },
    'a sign-in by mail': async (s) => {
      const { id, email } = await account(s, {});
      const { flowToken, code } = await begin(s, email);
      return { id, finish: () => verify(s, { flowToken, code }) };
    },
    'a sign-in by mail that claims the account': async (s) => {
      const { id, email } = await account(s, { emailVerified: false });
      const { flowToken, token } = await begin(s, email);
      return { id, finish: () => verify(s, { flowToken, token }) };
    },
    'the second factor of a sign-in': async (s) => {
      const person = somebody();
      const { accessToken, user } = await s.client.register(person);
      const app = await addAuthenticator(s, accessToken);
      s.time.forward(30_000);
      const asked = await s.client.send('POST', '/auth/login', {
        body: { login: person.email, password: person.password },
      });
      const { flowToken } = refused(asked, 403, 'step_required');
      const body = { flowToken, code: app.code(), tokenTransport: 'body' };
      return { id: user.id, finish: () => s.client.send('POST', '/auth/complete-step', { body }) };
    },
    'a recovery code': async (s) => {
      const person = somebody();
      const { accessToken, user } = await s.client.register(person);
      const { recoveryCodes } = await addAuthenticator(s, accessToken);
      const asked = await s.client.send('POST', '/auth/login', {
        body: { login: person.email, password: person.password },
      });
      const { flowToken } = refused(asked, 403, 'step_required');
      const body = { flowToken, recoveryCode: recoveryCodes[0], tokenTransport: 'body' };
      return { id: user.id, finish: () => s.client.send('POST', '/auth/complete-step', { body }) };
    },
    'a proof in a session': async (s) => {
      const { password, ...person } = somebody();
      const { accessToken: token, user } = await s.client.register({ ...person, password });
      const app = await addAuthenticator(s, token);
      s.time.forward(30_000);
      const body = { password, code: app.code() };
      return { id: user.id, finish: () => s.client.send('POST', '/auth/reauthenticate', { token, body }) };
    },
    'the first code of an app': async (s) => {
      const { accessToken: token, user } = await s.client.register(somebody());
      const begun = await s.client.send('POST', '/users/me/factors/totp', { token });
      const { enrollToken, secret } = begun.json<BegunTotp>();
      const body = { enrollToken, code: appCode(secret, s.time.now) };
      return { id: user.id, finish: () => s.client.send('POST', '/users/me/factors/totp/confirm', { token, body }) };
    },
    'a refresh': async (s) => {
      const { refreshToken, user } = await s.client.register(somebody());
      return { id: user.id, finish: () => s.client.send('POST', '/auth/refresh', { body: { refreshToken } }) };
    },
    'a step of a session': async (s) => {
      const person = somebody();
      const { refreshToken, user } = await s.client.register(person);
      const { users } = s.app.storage;
      const { version } = (await users.find(user.id)) ?? assert.fail();
      const at = { id: user.id, version, now: s.time.now };
      await users.patchProfile(
        at,
        { emailVerified: false },
        makeEvent(`user:${user.id}`, { userId: user.id, pending: false }),
      );
      const asked = await s.client.send('POST', '/auth/refresh', { body: { refreshToken } });
      const { flowToken } = refused(asked, 403, 'step_required');
      await s.client.send('POST', '/auth/flow/options', { body: { flowToken, method: 'email' } });
      const mail = (await s.mailsTo(person.email)).find(({ text }) => /^\s*\d{6}\s*$/m.test(text));
      const body = { flowToken, code: codeIn(mail?.text), tokenTransport: 'body' };
      return { id: user.id, finish: () => s.client.send('POST', '/auth/complete-step', { body }) };
    },
  };

  for (const [way, start] of Object.entries(BEGUN)) {
    for (const state of ['disabled', 'deleted'] as const) {
      test(`${way}, ${state} before its last request`, () =>
        withScene(
          async (s) => {
            const { id, finish } = await start(s);
            const before = (await s.app.storage.sessions.listLatest(id, 10)).length;
            const { users } = s.app.storage;
            const { version, sessionEpoch, grantEpoch } = (await users.find(id)) ?? assert.fail();
            const at = { id, version, now: s.time.now };
            const event = makeEvent(`user:${id}`, { userId: id, pending: false, evicts: true });
            const done =
              state === 'disabled'
                ? await users.setStatus(at, { status: 'disabled', sessionEpoch: sessionEpoch + 1 }, event)
                : await users.softDelete(at, { sessionEpoch: sessionEpoch + 1, grantEpoch: grantEpoch + 1 }, event);
            assert.equal(done, 'ok');
            const answer = await finish();
            assert.ok([400, 401, 403].includes(answer.statusCode), answer.body);
            assert.doesNotMatch(answer.body, /accessToken/);
            assert.equal((await s.app.storage.sessions.listLatest(id, 10)).length, before);
          },
          { env: { EMAIL_SIGN_IN: 'link' } },
        ));
    }
  }
});
