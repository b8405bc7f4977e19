import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { factorsOf } from '../src/modules/factors/names.ts';
import { DAY, MINUTE, SECOND } from '../src/platform/clock.ts';
import { addAuthenticator, appCode, type BegunTotp } from './authenticator.ts';
import { CHROME, ok, type Person, type SignedInBody, tokenIn } from './client.ts';
import { makeEvent, makeFactors, makeId, makeTotp, makeUser, NOW } from './fixtures.ts';
import { LIMITED, newAddress } from './guessers.ts';
import { openScene, type Problem, refused, type Scene, somebody } from './scenario.ts';

type Waiting = Problem & { flowToken: string; methods: string[]; expiresIn: number };

const wrongOf = (code: string) => String((Number(code) + 500_000) % 1_000_000).padStart(6, '0');

describe('second factors', () => {
  let s: Scene;
  before(async () => {
    s = await openScene();
  });
  after(() => s.close());

  /** Somebody who is signed in. */
  async function newcomer() {
    const person = somebody();
    return { person, ...(await s.client.register(person)) };
  }

  /** Somebody with an authenticator app, in the next time step. */
  async function holder() {
    const made = await newcomer();
    const app = await addAuthenticator(s, made.accessToken, 'My phone');
    s.time.forward(30 * SECOND);
    return { ...made, app };
  }

  async function asked({ email, password }: Person, headers: Record<string, string> = {}): Promise<Waiting> {
    const body = { login: email, password, tokenTransport: 'body' };
    return refused(await s.client.send('POST', '/auth/login', { body, headers }), 403, 'step_required') as Waiting;
  }
  const complete = (body: object) =>
    s.client.send('POST', '/auth/complete-step', { body: { tokenTransport: 'body', ...body } });
  const again = (token: string, body: object) => s.client.send('POST', '/auth/reauthenticate', { token, body });
  const mine = async (token: string) =>
    ok<Record<string, unknown[]> & { recoveryCodes: { left: number } | null }>(
      await s.client.send('GET', '/users/me/factors', { token }),
      200,
    );
  const subjectsTo = async (person: Person) => (await s.mailsTo(person.email)).map(({ subject }) => subject);

  test('an app is added by its first code, and is asked for from then on', async () => {
    const { person, accessToken: token, user } = await newcomer();
    assert.deepEqual(await mine(token), {
      totp: [],
      passkeys: [],
      recoveryCodes: null,
      trustedDevices: [],
      requiredBy: [],
      resetAt: null,
    });
    const app = await addAuthenticator(s, token, ' Mein “Handy” ');
    assert.equal(app.recoveryCodes.length, 10);
    assert.equal(new Set(app.recoveryCodes).size, 10);
    for (const code of app.recoveryCodes) assert.match(code, /^(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    const { totp, recoveryCodes } = await mine(token);
    assert.deepEqual(totp, [
      { id: app.id, name: 'Mein “Handy”', createdAt: s.time.now.toISOString(), lastUsedAt: null },
    ]);
    assert.deepEqual(recoveryCodes, { left: 10, createdAt: s.time.now.toISOString() });
    assert.ok((await subjectsTo(person)).includes('An authenticator app was added to your account'));

    // The code that added it signs nobody in.
    const first = await asked(person);
    assert.deepEqual([first.step, first.methods], ['mfa', ['totp', 'recovery_code']]);
    refused(await complete({ flowToken: first.flowToken, code: app.code() }), 400, 'code_invalid');
    s.time.forward(30 * SECOND);
    const { flowToken } = await asked(person);
    const shown = ok<object>(await s.client.send('POST', '/auth/flow', { body: { flowToken } }), 200);
    assert.deepEqual(shown, { step: 'mfa', methods: ['totp', 'recovery_code'], expiresIn: 600 });
    const signedIn = ok<SignedInBody>(await complete({ flowToken, code: app.code() }), 200);
    const session = await s.app.storage.sessions.find(signedIn.session.id);
    assert.deepEqual(
      [session?.aal, session?.methods.map(({ method }) => method), session?.userId],
      [2, ['password', 'totp'], user.id],
    );
    assert.equal((await mine(signedIn.accessToken)).totp?.length, 1);
  });

  test('a code is good once, in its window only, whatever the flow; another step of the window is another code', async () => {
    const { person, app } = await holder();
    s.time.forward(30 * SECOND);
    const ok1 = await complete({ flowToken: (await asked(person)).flowToken, code: app.code() });
    ok(ok1, 200);
    for (const steps of [0, -1, -2, 2]) {
      const { flowToken } = await asked(person);
      refused(await complete({ flowToken, code: app.code(steps) }), 400, 'code_invalid');
    }
    ok(await complete({ flowToken: (await asked(person)).flowToken, code: app.code(1) }), 200);
    refused(await complete({ flowToken: (await asked(person)).flowToken, code: app.code(0) }), 400, 'code_invalid');
    s.time.forward(30 * SECOND);
    refused(await complete({ flowToken: (await asked(person)).flowToken, code: app.code(0) }), 400, 'code_invalid');
  });

  test('a recovery code works once, in any spelling; the eighth one brings a reminder', async () => {
    const { person, app, accessToken: token } = await holder();
    const spelled = (code: string, i: number) => [code, code.toLowerCase(), ` ${code.replaceAll('-', '')} `][i % 3];
    for (const [i, code] of app.recoveryCodes.slice(0, 8).entries()) {
      const reminded = (await subjectsTo(person)).filter((subject) => subject === 'You have few recovery codes left');
      assert.equal(reminded.length, 0);
      const { flowToken } = await asked(person);
      ok(await complete({ flowToken, recoveryCode: spelled(code, i) }), 200);
      refused(await complete({ flowToken: (await asked(person)).flowToken, recoveryCode: code }), 400, 'code_invalid');
    }
    assert.ok((await subjectsTo(person)).includes('You have few recovery codes left'));
    assert.equal((await mine(token)).recoveryCodes?.left, 2);
    const { flowToken } = await asked(person);
    refused(await complete({ flowToken, recoveryCode: app.recoveryCodes[0] }), 400, 'code_invalid');
    refused(await complete({ flowToken, recoveryCode: '' }), 400, 'code_invalid');
    refused(await complete({ flowToken }), 400, 'validation_failed');
  });

  test('new recovery codes void the former; there are none without a factor', async () => {
    const { accessToken } = await newcomer();
    const renew = (token: string) => s.client.send('POST', '/users/me/recovery-codes', { token });
    refused(await renew(accessToken), 409, 'factor_missing');
    const { person, app, accessToken: token } = await holder();
    const { codes } = ok<{ codes: string[] }>(await renew(token), 201);
    assert.equal(new Set([...codes, ...app.recoveryCodes]).size, 20);
    assert.ok((await subjectsTo(person)).includes('You have new recovery codes'));
    const { flowToken } = await asked(person);
    refused(await complete({ flowToken, recoveryCode: app.recoveryCodes[3] }), 400, 'code_invalid');
    ok(await complete({ flowToken, recoveryCode: codes[3] }), 200);
  });

  test('an enrolment is of one session and one person, once, for ten minutes, and five apps are the most', async () => {
    const { accessToken: token, person } = await newcomer();
    const { accessToken: other } = await newcomer();
    const begin = async (of = token) =>
      ok<BegunTotp>(await s.client.send('POST', '/users/me/factors/totp', { token: of }), 200);
    const confirm = (of: string, { enrollToken, secret }: BegunTotp, steps = 0) => {
      const body = { enrollToken, code: appCode(secret, s.time.now, steps) };
      return s.client.send('POST', '/users/me/factors/totp/confirm', { token: of, body });
    };
    const begun = await begin();
    assert.deepEqual((await mine(token)).totp, []);
    refused(await confirm(other, begun), 400, 'token_invalid');
    refused(await confirm((await s.client.login(person)).accessToken, begun), 400, 'token_invalid');
    refused(await confirm(token, { ...begun, enrollToken: `${begun.enrollToken}A` }), 400, 'token_invalid');
    refused(
      await confirm(token, { ...begun, enrollToken: begun.enrollToken.replace(/.$/, 'A') }),
      400,
      'token_invalid',
    );
    refused(await confirm(token, begun, 2), 400, 'code_invalid');
    ok(await confirm(token, begun, 1), 201);
    refused(await confirm(token, begun), 400, 'token_invalid');
    for (let i = 0; i < 4; i++) {
      const { recoveryCodes } = ok<{ recoveryCodes?: string[] }>(await confirm(token, await begin()), 201);
      assert.equal(recoveryCodes, undefined, 'there are some already');
    }
    refused(await confirm(token, await begin()), 409, 'factor_limit');
    const late = await begin(other);
    s.time.forward(10 * MINUTE);
    refused(await confirm(other, late), 400, 'token_invalid');
  });

  test('the last app takes the recovery codes along; another session that proved less removes nothing', async () => {
    const { person, accessToken: token } = await newcomer();
    const weak = (await s.client.login(person)).accessToken;
    const app = await addAuthenticator(s, token);
    const remove = (of: string, id = app.id) => s.client.send('DELETE', `/users/me/factors/totp/${id}`, { token: of });
    refused(await remove(weak), 401, 'reauth_required');
    refused(await s.client.send('POST', '/users/me/recovery-codes', { token: weak }), 401, 'reauth_required');
    refused(await s.client.send('POST', '/users/me/factors/totp', { token: weak }), 401, 'reauth_required');
    refused(await remove(token, makeId()), 404, 'factor_not_found');
    assert.equal((await remove(token)).statusCode, 204);
    refused(await remove(token), 404, 'factor_not_found');
    assert.ok((await subjectsTo(person)).includes('An authenticator app was removed from your account'));
    assert.deepEqual((await mine(token)).recoveryCodes, null);
    ok(await s.client.send('POST', '/auth/login', { body: { login: person.email, password: person.password } }), 200);
  });

  test('a session that began before the app must prove it at its next refresh, and stays as it is until then', async () => {
    const { person, accessToken: token } = await newcomer();
    const elsewhere = await s.client.login(person);
    const app = await addAuthenticator(s, token);
    s.time.forward(MINUTE);
    const refresh = () => s.client.send('POST', '/auth/refresh', { body: { refreshToken: elsewhere.refreshToken } });
    const sessionBefore = await s.app.storage.sessions.find(elsewhere.session.id);
    const { flowToken } = refused(await refresh(), 403, 'step_required');
    assert.deepEqual(await s.app.storage.sessions.find(elsewhere.session.id), sessionBefore);
    refused(await complete({ flowToken, code: wrongOf(app.code()) }), 400, 'code_invalid');
    const elevated = ok<SignedInBody>(await complete({ flowToken, code: app.code() }), 200);
    assert.equal(elevated.session.id, elsewhere.session.id);
    assert.equal(elevated.refreshToken, undefined);
    assert.equal((await s.app.storage.sessions.find(elsewhere.session.id))?.aal, 2);
    ok(await refresh(), 200);
  });

  test('to prove oneself again takes as much as the account has, and is refused before anything is checked', async () => {
    const { person, app, accessToken: token } = await holder();
    const { password } = person;
    const accept = [
      ['password', 'totp'],
      ['password', 'recovery_code'],
    ];
    const told = refused(await again(token, { password }), 401, 'reauth_required') as Problem & { accept: string[][] };
    assert.deepEqual(told.accept, accept);
    const said = refused(await again(token, { password: 'wrong' }), 401, 'reauth_required');
    assert.deepEqual({ ...said, requestId: '' }, { ...told, requestId: '' });
    refused(await again(token, { code: app.code() }), 401, 'reauth_required');
    refused(await again(token, {}), 400, 'validation_failed');
    refused(await again(token, { password: 'wrong', code: app.code() }), 401, 'invalid_credentials');
    refused(await again(token, { password, code: wrongOf(app.code()) }), 400, 'code_invalid');
    s.time.forward(11 * MINUTE);
    refused(await s.client.send('POST', '/users/me/factors/totp', { token }), 401, 'reauth_required');
    const { accessToken } = ok<SignedInBody>(await again(token, { password, code: app.code() }), 200);
    ok(await s.client.send('POST', '/users/me/factors/totp', { token: accessToken }), 200);
    refused(await again(token, { password, code: app.code() }), 400, 'code_invalid');
    ok(await again(token, { password, recoveryCode: app.recoveryCodes[0] }), 200);
    const { accessToken: plain, person: without } = await newcomer();
    const only = refused(await again(plain, { code: '123456' }), 401, 'reauth_required') as typeof told;
    assert.deepEqual(only.accept, [['password']]);
    ok(await again(plain, { password: without.password }), 200);
  });

  test('once the factor is gone, the password alone is as much as the account has', async () => {
    const { person, app, accessToken: token } = await holder();
    assert.equal((await s.client.send('DELETE', `/users/me/factors/totp/${app.id}`, { token })).statusCode, 204);
    s.time.forward(11 * MINUTE);
    const { accessToken } = ok<SignedInBody>(await again(token, { password: person.password }), 200);
    ok(await s.client.send('POST', '/users/me/factors/totp', { token: accessToken }), 200);
  });

  test('a new password by mail signs nobody in, and leaves every factor as it is', async () => {
    const { person, app, user } = await holder();
    const unchanged = await s.app.storage.factors.find(user.id);
    await s.client.send('POST', '/auth/request-password-reset', { body: { email: person.email } });
    const mail = (await s.mailsTo(person.email)).find(({ text }) => text.includes('#token=') && text.includes('reset'));
    const newPassword = 'feeds the cat at eight';
    const body = { token: tokenIn(mail?.text), newPassword, tokenTransport: 'body' };
    const answer = await s.client.send('POST', '/auth/reset-password', { body });
    assert.equal(answer.statusCode, 200, answer.body);
    assert.doesNotMatch(answer.body, /accessToken|refreshToken/);
    assert.deepEqual(await s.app.storage.factors.find(user.id), unchanged);
    const { flowToken, step } = await asked({ ...person, password: newPassword });
    assert.equal(step, 'mfa');
    ok(await complete({ flowToken, code: app.code() }), 200);
  });

  test('what an earlier credential epoch had counts as absent, and comes back in no way', async () => {
    const { email, password } = somebody();
    const clean = { username: null, usernameKey: null, mustChangePassword: false, emailVerified: true };
    const passwordHash = await s.app.hasher.hash(password);
    const user = makeUser({ email, emailNorm: email, passwordHash, ...clean, credentialEpoch: 22 });
    const { users, factors } = s.app.storage;
    assert.equal(await users.insert(user, makeEvent(`user:${user.id}`, { userId: user.id, pending: false })), 'ok');
    const old = makeFactors({ userId: user.id, credentialEpoch: 21 });
    await factors.begin(old);
    const event = makeEvent(`factors:${user.id}`, { userId: user.id, pending: false });
    await factors.enableTotp(old, makeTotp(), { recovery: { hashes: ['x'], createdAt: NOW } }, event);
    const { accessToken: token } = await s.client.login({ email, password });
    const { totp, recoveryCodes } = await mine(token);
    assert.deepEqual([totp, recoveryCodes], [[], null]);
    refused(await s.client.send('POST', '/users/me/recovery-codes', { token }), 409, 'factor_missing');
    const added = await addAuthenticator(s, token);
    assert.equal(added.recoveryCodes.length, 10);
    const record = await factors.find(user.id);
    assert.deepEqual([record?.totp.map(({ id }) => id), record?.credentialEpoch], [[added.id], 22]);
    // Read before its epoch was raised, a user is asked for what there is by now.
    assert.equal(factorsOf({ ...user, credentialEpoch: 21 }, record ?? null).totp.length, 1);
  });

  test('an erased user leaves no factor behind', async () => {
    const { user, accessToken: token } = await holder();
    assert.ok(await s.app.storage.factors.find(user.id));
    assert.equal((await s.client.send('DELETE', '/users/me', { token })).statusCode, 204);
    s.time.forward(31 * DAY);
    await s.app.jobs.enqueue('users.erase-deleted', {});
    await s.work();
    assert.equal(await s.app.storage.factors.find(user.id), null);
  });

  test('the answer about ways to sign in is the same for every address', async () => {
    const { person } = await holder();
    const ask = (email: string) => s.client.send('POST', '/auth/discover', { body: { email } });
    const [known, unknown] = [await ask(person.email), await ask(somebody().email)];
    assert.deepEqual(ok(known, 200), { methods: ['password'], providers: [] });
    assert.equal(unknown.body, known.body);
    refused(await ask(''), 400, 'validation_failed');
  });
});

describe('second factors that are guessed', () => {
  let s: Scene;
  before(async () => {
    s = await openScene({ env: LIMITED });
  });
  after(() => s.close());

  test('five tries for the person, whichever name, flow, address and factor; then the owner waits, too, and was told', async () => {
    const person = somebody();
    const { accessToken, user } = await s.client.register(person);
    const app = await addAuthenticator(s, accessToken);
    s.time.forward(30 * SECOND);
    const statuses: number[] = [];
    for (let n = 0; n < 8; n++) {
      const headers = { 'x-forwarded-for': newAddress(), 'user-agent': n % 2 ? CHROME : 'curl/8.1' };
      const login = n % 2 === 0 ? person.email : person.username;
      const signIn = { login, password: person.password, tokenTransport: 'body' };
      const { flowToken } = refused(
        await s.client.send('POST', '/auth/login', { body: signIn, headers }),
        403,
        'step_required',
      );
      const guessed = n % 3 === 2 ? { recoveryCode: '7K2M-9XD4-RTAH-3WZ0' } : { code: wrongOf(app.code()) };
      const body = { flowToken, ...guessed };
      statuses.push((await s.client.send('POST', '/auth/complete-step', { body, headers })).statusCode);
      const told = (await s.mailsTo(person.email)).filter(({ subject }) => subject === 'Somebody knows your password');
      assert.equal(told.length, n < 2 ? 0 : 1, `after ${n + 1} tries`);
    }
    assert.deepEqual(statuses, [400, 400, 400, 400, 400, 429, 429, 429]);
    assert.equal((await s.app.storage.events.listForTarget(`second-factor:${user.id}`)).length, 1);
    s.time.forward(3 * MINUTE);
    const body = { login: person.email, password: person.password, tokenTransport: 'body' };
    const headers = { 'x-forwarded-for': newAddress() };
    const { flowToken } = refused(await s.client.send('POST', '/auth/login', { body, headers }), 403, 'step_required');
    ok(await s.client.send('POST', '/auth/complete-step', { body: { flowToken, code: app.code() }, headers }), 200);
  });
});
