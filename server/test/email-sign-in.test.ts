import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HOUR, MINUTE, SECOND } from '../src/platform/clock.ts';
import { addAuthenticator } from './authenticator.ts';
import { ok, type SignedInBody } from './client.ts';
import { makeEvent } from './fixtures.ts';
import { newAddress } from './guessers.ts';
import { makeKey, ROUTES, use } from './key-verbs.ts';
import {
  ask,
  asked,
  BY_LINK,
  begin,
  derivedSecrets,
  makeAccount,
  signInByMail,
  signInMail,
  signInMails,
  verify,
  wrong,
} from './mail-sign-in.ts';
import { createWorld, giveRoles, newRole } from './matrix/world.ts';
import { addPasskey, passkeySignIn, signedInBy } from './passkey-verbs.ts';
import { epochsOf, openScene, refused, type Scene, somebody, withScene } from './scenario.ts';

/** One server for the tests of a group; each has people of its own. */
function group(name: string, env: Record<string, string>, register: (scene: () => Scene) => void): void {
  describe(name, () => {
    let scene: Scene | null = null;
    before(async () => {
      scene = await openScene({ env: { ...BY_LINK, ...env } });
    });
    after(() => scene?.close());
    register(() => scene ?? assert.fail());
  });
}

const sessionsOf = (s: Scene, userId: string) => s.app.storage.sessions.listLatest(userId, 99);

group('a sign-in by mail', {}, (scene) => {
  test('by code: once, with the flow token of where it began, however it is typed', async () => {
    const s = scene();
    const { id, email } = await makeAccount(s);
    const { flowToken, expiresIn, code, token } = await begin(s, email);
    assert.equal(expiresIn, 600);
    refused(await verify(s, { code }), 400, 'code_invalid');
    const typed = ` ${code.slice(0, 4)} ${code.slice(4)}`;
    const signedIn = ok<SignedInBody>(await verify(s, { flowToken, code: typed }), 200);
    assert.deepEqual([signedIn.user.id, signedIn.user.email], [id, email]);
    assert.ok(signedIn.deviceToken);
    ok(await s.client.send('GET', '/users/me', { token: signedIn.accessToken }), 200);
    for (const proof of [{ code }, { token }]) {
      refused(await verify(s, { flowToken, ...proof }), 400, 'code_invalid');
    }
    const [session, ...others] = await sessionsOf(s, id);
    assert.deepEqual([others, session?.aal], [[], 1]);
    assert.deepEqual(
      session?.methods.map(({ method }) => method),
      ['email'],
    );
  });

  test('by link: in the browser that began, by its cookie, which then goes', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    const answer = await ask(s, email, { returnTo: '/inbox?box=1#top' });
    const [set = ''] = [answer.headers['set-cookie']].flat();
    assert.match(set, /^ostiary-email=[\w-]{70}; Max-Age=600; Path=\/; HttpOnly; SameSite=Strict$/);
    const cookie = set.split(';')[0] ?? '';
    const { token, code } = await signInMail(s, email);
    const done = await verify(s, { token, tokenTransport: 'cookie' }, { cookie });
    assert.equal(ok<{ returnTo: string }>(done, 200).returnTo, 'http://localhost:8000/inbox?box=1#top');
    const cookies = [done.headers['set-cookie']].flat().map((field) => String(field).split(';')[0]);
    assert.ok(cookies.some((pair) => pair === 'ostiary-email='));
    assert.ok(cookies.some((pair) => /^ostiary=./.test(pair ?? '')));
    refused(await verify(s, { code }, { cookie }), 400, 'code_invalid');
  });

  test('a link elsewhere signs nobody in, and uses nothing up', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    const { flowToken, token, code } = await begin(s, email);
    const other = await asked(s, somebody().email);
    for (const body of [{ token }, { token, flowToken: other.flowToken }, { token, elsewhere: true }]) {
      const problem = refused(await verify(s, body), 403, 'link_elsewhere') as { confirm?: boolean; hint?: object };
      assert.deepEqual([problem.confirm, problem.hint], [false, { email: `p…@example.com` }]);
    }
    refused(await verify(s, { token: `${token.slice(0, -2)}AA` }), 400, 'code_invalid');
    ok(await verify(s, { flowToken, code }), 200);
    refused(await verify(s, { token }), 400, 'code_invalid');
  });

  test('a scanner that opens the link uses nothing up: HEAD, three times GET', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    const { flowToken, token } = await begin(s, email);
    for (const method of ['HEAD', 'GET', 'GET', 'GET'] as const) {
      const page = await s.app.http.inject({ method, url: `/email-sign-in?token=${token}` });
      assert.equal(page.statusCode, 200);
      assert.equal(page.headers['set-cookie'], undefined);
    }
    ok(await verify(s, { flowToken, token }), 200);
  });

  test('the code of one flow is wrong in another, of the same address and of another', async () => {
    const s = scene();
    const [ann, bob] = [await makeAccount(s), await makeAccount(s)];
    const first = await begin(s, ann.email);
    s.time.forward(61_000);
    const second = await begin(s, ann.email);
    const third = await begin(s, bob.email);
    assert.notEqual(first.code, second.code);
    refused(await verify(s, { flowToken: second.flowToken, code: first.code }), 400, 'code_invalid');
    refused(await verify(s, { flowToken: third.flowToken, code: first.code }), 400, 'code_invalid');
    refused(await verify(s, { flowToken: second.flowToken, token: first.token }), 403, 'link_elsewhere');
    const { user } = ok<SignedInBody>(await verify(s, first), 200);
    assert.equal(user.id, ann.id);
    ok(await verify(s, { flowToken: third.flowToken, code: third.code }), 200);
  });

  test('what this server did not make is no flow token', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    const { flowToken, code } = await begin(s, email);
    const login = await makeAccount(s, { mustChangePassword: true });
    const waiting = await s.client.send('POST', '/auth/login', {
      body: { login: login.email, password: login.password },
    });
    const { flowToken: engines = '' } = refused(waiting, 403, 'step_required');
    const made = [engines, `${flowToken}A`, flowToken.slice(1), `${flowToken.slice(0, -2)}AA`, 'x', ''];
    for (const [i, bad] of made.entries()) {
      const answer = await verify(s, { flowToken: bad, code });
      refused(answer, 400, i === made.length - 1 ? 'validation_failed' : 'code_invalid');
    }
    refused(
      await s.client.send('POST', '/auth/complete-step', { body: { flowToken, newPassword: 'feeds the cat' } }),
      400,
      'token_invalid',
    );
    refused(
      await s.client.send('POST', '/auth/refresh', { body: { refreshToken: flowToken } }),
      401,
      'refresh_invalid',
    );
    refused(await s.client.send('GET', '/users/me', { token: flowToken }), 401, 'unauthenticated');
    ok(await verify(s, { flowToken, code }), 200);
  });

  test('a code has three tries, and then the link still works; other forms cost none', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    const { flowToken, code, token } = await begin(s, email);
    for (const typed of ['', '1234567', '123456789', 'eight', wrong(code), wrong(code, 2), wrong(code, 3), code]) {
      refused(await verify(s, { flowToken, code: typed }), 400, 'code_invalid');
    }
    ok(await verify(s, { flowToken, token }), 200);
  });

  test('it expires after ten minutes', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    const { flowToken, code, token } = await begin(s, email);
    s.time.forward(10 * MINUTE - 1);
    refused(await verify(s, { flowToken, code: wrong(code) }), 400, 'code_invalid');
    s.time.forward(1);
    for (const proof of [{ code }, { token }]) refused(await verify(s, { flowToken, ...proof }), 400, 'code_invalid');
  });

  test('a reset of the password and a sign-out everywhere void what was mailed before', async () => {
    const s = scene();
    const { email, password } = await makeAccount(s);
    const first = await begin(s, email);
    const { accessToken: token } = await s.client.login({ email, password });
    ok(await s.client.send('POST', '/auth/logout-all', { token }), 204);
    refused(await verify(s, first), 400, 'code_invalid');
    refused(await verify(s, { flowToken: first.flowToken, token: first.token }), 400, 'code_invalid');
    s.time.forward(61_000);
    const second = await begin(s, email);
    const { accessToken } = await s.client.login({ email, password });
    const change = { currentPassword: password, newPassword: 'feeds the cat at eight' };
    ok(await s.client.send('POST', '/auth/change-password', { token: accessToken, body: change }), 204);
    refused(await verify(s, second), 400, 'code_invalid');
  });

  test('the browser that began can have the same mail again; it shares its tries', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    const first = await begin(s, email);
    refused(await verify(s, { flowToken: first.flowToken, code: wrong(first.code) }), 400, 'code_invalid');
    // Within the minute nothing is mailed, and the flow goes on.
    assert.equal((await asked(s, email, { flowToken: first.flowToken })).flowToken, first.flowToken);
    assert.equal(await signInMails(s, email), 1);
    s.time.forward(2 * MINUTE);
    const again = await ask(s, email, { cookie: `ostiary-email=${first.flowToken}` });
    assert.deepEqual(ok(again, 202), { flowToken: first.flowToken, expiresIn: 480 });
    assert.equal(await signInMails(s, email), 2);
    assert.deepEqual(await signInMail(s, email), { code: first.code, token: first.token });
    const elsewhere = await asked(s, somebody().email, { flowToken: first.flowToken });
    assert.notEqual(elsewhere.flowToken, first.flowToken, 'another address');
    s.time.forward(4 * MINUTE);
    const late = await begin(s, email, { flowToken: first.flowToken });
    assert.notEqual(late.code, first.code, 'with less than five minutes left, a new one comes');
    ok(await verify(s, first), 200);
  });

  test('an address without an account gets one, without a password, whose language is that of the request', async () => {
    const s = scene();
    const { email } = somebody();
    const { flowToken } = await asked(s, email.toUpperCase(), { locale: 'zh-CN' });
    const [mail] = await s.mailsTo(email.toUpperCase());
    assert.match(mail?.subject ?? '', /登录验证码/);
    const { code } = await signInMail(s, email.toUpperCase());
    const signedIn = ok<SignedInBody>(await verify(s, { flowToken, code }), 200);
    const user = (await s.app.storage.users.find(signedIn.user.id)) ?? assert.fail();
    assert.deepEqual(
      [user.emailNorm, user.emailVerified, user.passwordHash, user.username, user.locale],
      [email, true, null, null, 'zh-CN'],
    );
    const mails = (await s.mailsTo(email.toUpperCase())).map(({ subject }) => subject);
    assert.deepEqual(mails.slice(0, -1), ['欢迎加入']);
    refused(await verify(s, { flowToken, code }), 400, 'code_invalid');
    s.time.forward(61_000);
    assert.equal((await signInByMail(s, email.toUpperCase())).user.id, user.id);
  });

  test('an account without a password: the reset mail sets the first one', async () => {
    const s = scene();
    const { email } = somebody();
    const { accessToken: token } = await signInByMail(s, email);
    const tried = { currentPassword: 'none at all', newPassword: 'feeds the cat at eight' };
    refused(await s.client.send('POST', '/auth/change-password', { token, body: tried }), 401, 'invalid_credentials');
    const again = await s.client.send('POST', '/auth/reauthenticate', { token, body: { password: 'none at all' } });
    refused(again, 401, 'reauth_required');
    refused(
      await s.client.send('POST', '/auth/login', { body: { login: email, password: 'none at all' } }),
      401,
      'invalid_credentials',
    );
    ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email } }), 202);
    const text = (await s.mailsTo(email)).find((mail) => mail.text.includes('/reset-password#token='))?.text;
    const reset = { token: /#token=([\w-]+)/.exec(text ?? '')?.[1], newPassword: 'feeds the cat at eight' };
    ok(await s.client.send('POST', '/auth/reset-password', { body: reset }), 204);
    await s.client.login({ email, password: reset.newPassword });
  });

  test('right after it, the session is fresh; ten minutes later it is not', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    const { accessToken: token } = await signInByMail(s, email);
    const move = () => s.client.send('POST', '/users/me/email', { token, body: { newEmail: somebody().email } });
    ok(await move(), 202);
    s.time.forward(11 * MINUTE);
    refused(await move(), 401, 'reauth_required');
  });

  test('the owner hears of a new device, as of any sign-in', async () => {
    const s = scene();
    const { email, password } = await makeAccount(s);
    await s.client.login({ email, password });
    const { flowToken, code } = await begin(s, email);
    const headers = {
      'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1',
    };
    ok(await s.client.send('POST', '/auth/email-code/verify', { body: { flowToken, code }, headers }), 200);
    assert.ok((await s.mailsTo(email)).some(({ subject }) => /new sign-in|new device/i.test(subject)));
  });

  test('disabled and deleted accounts: nobody gets in, and the owner is told why', async () => {
    const s = scene();
    for (const [status, subject] of [
      ['disabled', 'Your account is deactivated'],
      ['deleted', 'Your account is deleted'],
    ] as const) {
      const { email } = await makeAccount(s, { status, deletedAt: status === 'deleted' ? s.time.now : null });
      await asked(s, email);
      const mails = await s.mailsTo(email);
      assert.deepEqual(
        mails.map((mail) => mail.subject),
        [subject],
      );
      assert.doesNotMatch(mails[0]?.text ?? '', /\d{8}|#token=/);
    }
    const { id, email } = await makeAccount(s);
    const flow = await begin(s, email);
    const { users } = s.app.storage;
    const { version, sessionEpoch } = (await users.find(id)) ?? assert.fail();
    const disabled = makeEvent(`user:${id}`, { userId: id, pending: false, evicts: true });
    // Even if the epoch did not move.
    assert.equal(
      await users.setStatus({ id, version, now: s.time.now }, { status: 'disabled', sessionEpoch }, disabled),
      'ok',
    );
    refused(await verify(s, flow), 400, 'code_invalid');
    refused(await verify(s, { flowToken: flow.flowToken, token: flow.token }), 400, 'code_invalid');
    assert.deepEqual(await sessionsOf(s, id), []);
  });

  test('a second factor is asked for; the code is used up by the session only, and by one', async () => {
    const s = scene();
    const { email, password, id } = await makeAccount(s);
    const { accessToken } = await s.client.login({ email, password });
    const app = await addAuthenticator(s, accessToken, 'My phone');
    s.time.forward(30 * SECOND);
    const sessionsBefore = (await sessionsOf(s, id)).length;
    const { flowToken, code, token } = await begin(s, email);
    const flows: string[] = [];
    for (const proof of [{ code }, { token }]) {
      const { step, flowToken: next = '' } = refused(await verify(s, { flowToken, ...proof }), 403, 'step_required');
      assert.equal(step, 'mfa');
      flows.push(next);
    }
    assert.equal((await sessionsOf(s, id)).length, sessionsBefore);
    const complete = (next: string | undefined, step = 0) =>
      s.client.send('POST', '/auth/complete-step', {
        body: { flowToken: next, code: app.code(step), tokenTransport: 'body' },
      });
    refused(await complete(flowToken), 400, 'token_invalid');
    const signedIn = ok<SignedInBody>(await complete(flows[0]), 200);
    const session = await s.app.storage.sessions.find(signedIn.session.id);
    assert.deepEqual([session?.aal, session?.methods.map(({ method }) => method)], [2, ['email', 'totp']]);
    refused(await complete(flows[1], 1), 400, 'token_invalid');
    refused(await verify(s, { flowToken, token }), 403, 'step_required');
    assert.equal((await sessionsOf(s, id)).length, sessionsBefore + 1);
  });

  test('where addresses must be verified, whoever reads a mailbox gets past no second factor, by a mail or by a reset', async () => {
    const s = scene();
    const { email, password, id } = await makeAccount(s);
    const { accessToken } = await s.client.login({ email, password });
    const app = await addAuthenticator(s, accessToken, 'My phone');
    s.time.forward(30 * SECOND);
    // As an administrator leaves it who changed the address.
    const user = (await s.app.storage.users.find(id)) ?? assert.fail();
    const at = { id, version: user.version, now: s.time.now };
    await s.app.storage.users.patchProfile(at, { emailVerified: false }, makeEvent(`user:${id}`));
    const epochs = await epochsOf(s, id);

    const { flowToken, code } = await begin(s, email);
    assert.equal(refused(await verify(s, { flowToken, code }), 403, 'step_required').step, 'mfa');
    ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email } }), 202);
    const text = (await s.mailsTo(email)).find((mail) => mail.text.includes('/reset-password#'))?.text;
    const token = /#token=([\w-]+)/.exec(text ?? '')?.[1];
    const body = { token, newPassword: 'feeds the cat at eight' };
    ok(await s.client.send('POST', '/auth/reset-password', { body }), 204);
    assert.deepEqual(await epochsOf(s, id), { ...epochs, sessionEpoch: epochs.sessionEpoch + 1 });
    assert.equal((await s.app.storage.users.find(id))?.emailVerified, false);

    const login = { login: email, password: body.newPassword, tokenTransport: 'body' };
    const first = refused(await s.client.send('POST', '/auth/login', { body: login }), 403, 'step_required');
    assert.equal(first.step, 'mfa');
    const second = { flowToken: first.flowToken, code: app.code(), tokenTransport: 'body' };
    const next = refused(await s.client.send('POST', '/auth/complete-step', { body: second }), 403, 'step_required');
    assert.equal(next.step, 'verify_email');
  });

  test('every address is mailed once, whatever state its account is in', async () => {
    const s = scene();
    const states = [
      {},
      { status: 'disabled' },
      { status: 'deleted', deletedAt: s.time.now },
      { passwordHash: null },
    ] as const;
    const people = await Promise.all(states.map((fields) => makeAccount(s, fields)));
    for (const { email } of [...people, somebody()]) {
      await asked(s, email);
      assert.equal((await s.mailsTo(email)).length, 1);
    }
  });

  test('a temporary password need not be replaced by whoever does not use it', async () => {
    const s = scene();
    const { email } = await makeAccount(s, { mustChangePassword: true });
    await signInByMail(s, email);
  });

  test('returnTo: exactly an origin of ours', async () => {
    const s = scene();
    const { email } = somebody();
    for (const returnTo of [
      'https://evil.example',
      '//evil.example',
      '\\\\evil.example',
      '/\\evil.example',
      '/\t/evil.example',
      'http://localhost:8000@evil.example',
      'http://ann@localhost:8000/',
      'http://localhost:8000.evil.example',
      'http://localhost:8001/',
      'https://localhost:8000/',
      'http://LOCALHOST.:8000/',
      'javascript:alert(1)',
      'data:text/html,x',
      'blob:http://localhost:8000/1',
      'http://',
    ]) {
      const { errors } = refused(await ask(s, email, { returnTo }), 400, 'validation_failed');
      assert.equal(errors?.[0]?.path, '/returnTo', returnTo);
    }
    for (const returnTo of ['http://localhost:8000/a', '/b', 'c?d', 'HTTP://LOCALHOST:8000/']) {
      ok(await ask(s, email, { returnTo }), 202);
    }
  });

  test('what is asked for is checked', async () => {
    const s = scene();
    refused(await ask(s, 'no address'), 400, 'email_invalid');
    refused(await ask(s, ''), 400, 'validation_failed');
    const { flowToken } = await asked(s, somebody().email);
    refused(await verify(s, { flowToken }), 400, 'validation_failed');
    const both = { flowToken, code: '12345678', token: 'x' };
    refused(await s.client.send('POST', '/auth/email-code/verify', { body: both }), 400, 'validation_failed');
  });
});

group('without verification of addresses', { EMAIL_VERIFICATION: 'off' }, (scene) => {
  test('the first proof of the mailbox claims the account: who made it keeps nothing', async () => {
    const s = scene();
    const squatter = somebody();
    const made = ok<SignedInBody>(
      await s.client.send('POST', '/auth/register', { body: { ...squatter, tokenTransport: 'body' } }),
      201,
    );
    const { id } = made.user;
    const before = await epochsOf(s, id);
    ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email: squatter.email } }), 202);
    const reset = (await s.mailsTo(squatter.email)).find(({ text }) => text.includes('/reset-password#'));
    const owner = await signInByMail(s, squatter.email);
    assert.equal(owner.user.id, id);
    assert.equal(owner.user.emailVerified, true);
    const { grantEpoch, credentialEpoch, sessionEpoch } = before;
    assert.deepEqual(await epochsOf(s, id), {
      sessionEpoch: sessionEpoch + 1,
      grantEpoch: grantEpoch + 1,
      credentialEpoch: credentialEpoch + 1,
    });
    const login = { login: squatter.email, password: squatter.password };
    refused(await s.client.send('POST', '/auth/login', { body: login }), 401, 'invalid_credentials');
    refused(await s.client.send('GET', '/users/me', { token: made.accessToken }), 401, 'unauthenticated');
    const { refreshToken } = made;
    refused(await s.client.send('POST', '/auth/refresh', { body: { refreshToken } }), 401, 'refresh_invalid');
    const token = /#token=([\w-]+)/.exec(reset?.text ?? '')?.[1];
    const body = { token, newPassword: 'feeds the cat at eight' };
    refused(await s.client.send('POST', '/auth/reset-password', { body }), 400, 'token_invalid');
    ok(await s.client.send('GET', '/users/me', { token: owner.accessToken }), 200);
    const history = await s.app.storage.events.listForTarget(`user:${id}`);
    assert.deepEqual(
      history.map(({ type }) => type),
      ['user.registered', 'user.claimed'],
    );
    assert.ok((await s.mailsTo(squatter.email)).some(({ subject }) => subject === 'Your e-mail address is confirmed'));
    // Only once.
    s.time.forward(61_000);
    await signInByMail(s, squatter.email);
    assert.equal((await epochsOf(s, id)).sessionEpoch, sessionEpoch + 1);
  });

  test('a second factor of before is void, too', async () => {
    const s = scene();
    const squatter = somebody();
    const made = await s.client.send('POST', '/auth/register', { body: { ...squatter, tokenTransport: 'body' } });
    const { accessToken } = ok<SignedInBody>(made, 201);
    await addAuthenticator(s, accessToken, 'The phone of somebody else');
    s.time.forward(MINUTE);
    const { accessToken: token } = await signInByMail(s, squatter.email);
    const factors = ok<{ totp: object[] }>(await s.client.send('GET', '/users/me/factors', { token }), 200);
    assert.deepEqual(factors.totp, []);
  });

  test('passkeys and API keys of before are void, too', async () => {
    const s = scene();
    const w = await createWorld(s);
    const squatter = somebody();
    const made = await s.client.send('POST', '/auth/register', { body: { ...squatter, tokenTransport: 'body' } });
    const { user, accessToken } = ok<SignedInBody>(made, 201);
    await giveRoles(w, user.id, [await newRole(w, { permissions: [ROUTES] })]);
    const { secret } = await makeKey(w, accessToken, { scopes: [ROUTES] });
    const { device } = await addPasskey(s, accessToken);
    ok(await use(w, secret), 200);
    await signedInBy(s, device);

    s.time.forward(MINUTE);
    await signInByMail(s, squatter.email);
    refused(await use(w, secret), 401, 'unauthenticated');
    refused(await passkeySignIn(s, device), 401, 'passkey_invalid');
  });

  test('so does a reset by mail, with the new password', async () => {
    const s = scene();
    const person = somebody();
    const body = { ...person, tokenTransport: 'body' };
    const { user } = ok<SignedInBody>(await s.client.send('POST', '/auth/register', { body }), 201);
    const reset = async (newPassword: string) => {
      ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email: person.email } }), 202);
      const text = (await s.mailsTo(person.email)).find((mail) => mail.text.includes('/reset-password#'))?.text;
      const token = /#token=([\w-]+)/.exec(text ?? '')?.[1];
      ok(await s.client.send('POST', '/auth/reset-password', { body: { token, newPassword } }), 204);
    };
    const { grantEpoch, credentialEpoch, sessionEpoch } = await epochsOf(s, user.id);
    await reset('feeds the cat at eight');
    const claimed = {
      sessionEpoch: sessionEpoch + 1,
      grantEpoch: grantEpoch + 1,
      credentialEpoch: credentialEpoch + 1,
    };
    assert.deepEqual(await epochsOf(s, user.id), claimed);
    await reset('feeds the cat at nine');
    assert.deepEqual(await epochsOf(s, user.id), { ...claimed, sessionEpoch: sessionEpoch + 2 }, 'only once');
  });
});

group('bounds of an address', {}, (scene) => {
  const mailed = async (s: Scene, email: string, times: number, more: object = {}) => {
    const from = await signInMails(s, email);
    for (let i = 0; i < times; i++) await asked(s, email, { ...more });
    return (await signInMails(s, email)) - from;
  };

  test('one mail a minute, five an hour, twenty a day; the answers do not tell', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    let day = 0;
    for (let minute = 0; minute < 24 * 60; minute += 1, s.time.forward(MINUTE)) {
      // Two hours of five, as for any mail to an address, and then one an hour.
      if (minute > 125 && minute % 30 !== 5) continue;
      const count = await mailed(s, email, 2);
      if (minute < 5 || (minute >= 64 && minute < 69)) assert.equal(count, 1, `minute ${minute}`);
      if (minute >= 5 && minute < 64) assert.equal(count, 0, `minute ${minute}`);
      day += count;
    }
    assert.equal(day, 20);
    assert.equal(await mailed(s, email, 2), 1, 'the next day');
  });

  test('a device that signed in before has an allowance of its own, and so has the first request of a network', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    const { deviceToken } = await signInByMail(s, email);
    s.time.forward(MINUTE);
    // A stranger in the same network, and strangers elsewhere.
    for (let i = 0; i < 9; i++, s.time.forward(MINUTE)) await mailed(s, email, 1);
    for (let i = 0; i < 9; i++) await mailed(s, email, 2, { from: newAddress() });
    assert.equal(await mailed(s, email, 1), 0);
    assert.equal(await mailed(s, email, 2, { deviceToken }), 1);
    assert.equal(await mailed(s, email, 2, { from: newAddress() }), 1);
    const stranger = await makeAccount(s);
    const { deviceToken: other } = await s.client.login(stranger);
    assert.equal(await mailed(s, email, 1, { deviceToken: other }), 0, 'the device of somebody else is none');
  });

  test('twenty wrong codes a day, over flows and clients; then links work, and known devices', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    const { deviceToken } = await signInByMail(s, email);
    let compared = 0;
    while (compared < 20) {
      s.time.forward(HOUR);
      const from = newAddress();
      const { flowToken, code } = await begin(s, email, { from });
      for (let tries = 0; tries < 3 && compared < 20; tries++, compared++) {
        refused(
          await verify(s, { flowToken, code: wrong(code, tries + 1) }, { from: newAddress() }),
          400,
          'code_invalid',
        );
      }
    }
    s.time.forward(HOUR);
    const { flowToken, code, token } = await begin(s, email, { from: newAddress() });
    refused(await verify(s, { flowToken, code }, { from: newAddress() }), 429, 'rate_limited');
    // What was not compared costs no try.
    for (let again = 0; again < 5; again++) refused(await verify(s, { flowToken, code }), 429, 'rate_limited');
    ok(await verify(s, { flowToken, code, deviceToken }), 200);
    s.time.forward(MINUTE);
    const next = await begin(s, email, { from: newAddress() });
    ok(await verify(s, { flowToken: next.flowToken, token: next.token }, { from: newAddress() }), 200);
    assert.ok(token);
  });

  test('right codes are not counted', async () => {
    const s = scene();
    const { email } = await makeAccount(s);
    for (let i = 0; i < 25; i++, s.time.forward(80 * MINUTE)) await signInByMail(s, email);
  });
});

test('switched off: neither a mail nor a sign-in, also for a flow that began before', () =>
  withScene(async (s) => {
    const { email } = await makeAccount(s);
    refused(await ask(s, email), 403, 'email_sign_in_off');
    refused(await verify(s, { flowToken: 'x', code: '12345678' }), 403, 'email_sign_in_off');
    assert.deepEqual(await s.mailsTo(email), []);
  }));

test('by code only: the mail has no link, and none works', () =>
  withScene(
    async (s) => {
      const { email } = await makeAccount(s);
      const { flowToken } = await asked(s, email);
      const text = (await s.mailsTo(email))[0]?.text ?? '';
      assert.doesNotMatch(text, /#token=|email-sign-in/);
      const code = /^ {4}(\d{8})$/m.exec(text)?.[1] ?? assert.fail(text);
      const { token } = await derivedSecrets(s, flowToken, email);
      refused(await verify(s, { flowToken, token }), 400, 'code_invalid');
      ok(await verify(s, { flowToken, code }), 200);
    },
    { env: { EMAIL_SIGN_IN: 'code' } },
  ));

test('registration closed: an unknown address gets no mail, nobody is told, and no code makes an account', () =>
  withScene(
    async (s) => {
      const { email } = somebody();
      const { flowToken } = await asked(s, email);
      for (const proof of Object.entries(await derivedSecrets(s, flowToken, email)))
        refused(await verify(s, { flowToken, ...Object.fromEntries([proof]) }), 400, 'code_invalid');
      assert.equal(await s.app.storage.users.findByEmail(email), null);
      s.time.forward(MINUTE);
      const known = await makeAccount(s);
      const [answer, other] = [await ask(s, email), await ask(s, known.email)];
      assert.deepEqual([answer.statusCode, answer.json().expiresIn], [other.statusCode, other.json().expiresIn]);
      assert.deepEqual(await s.mailsTo(email), []);
      assert.equal(await signInMails(s, known.email), 1);
    },
    { env: { ...BY_LINK, REGISTRATION: 'closed' } },
  ));

test('EMAIL_LINK_ELSEWHERE=confirm: the link signs in elsewhere after a press, and never in the window that began', () =>
  withScene(
    async (s) => {
      const { id, email } = await makeAccount(s);
      const { flowToken, code, token } = await begin(s, email);
      const problem = refused(await verify(s, { token }), 403, 'link_elsewhere') as { confirm?: boolean };
      assert.equal(problem.confirm, true);
      const there = ok<SignedInBody>(await verify(s, { token, elsewhere: true }), 200);
      assert.equal(there.user.id, id);
      refused(await verify(s, { flowToken, code }), 400, 'code_invalid');
      assert.equal((await sessionsOf(s, id)).length, 1);
    },
    { env: { ...BY_LINK, EMAIL_LINK_ELSEWHERE: 'confirm' } },
  ));
