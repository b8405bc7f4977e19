import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeJwt } from 'jose';
import { MINUTE, SECOND } from '../src/platform/clock.ts';
import { ok, type SignedInBody, tokenIn } from './client.ts';
import { refused, type Scene, somebody, withScene } from './scenario.ts';

const NEW = 'feeds the cat at eight';

const linkMails = async (s: Scene, email: string) =>
  (await s.mailsTo(email)).filter(({ text }) => text.includes('#token='));

const requestReset = ({ client }: Scene, email: string) =>
  client.send('POST', '/auth/request-password-reset', { body: { email } });

async function resetToken(s: Scene, email: string): Promise<string> {
  ok(await requestReset(s, email), 202);
  return tokenIn((await linkMails(s, email))[0]?.text);
}

const reset = ({ client }: Scene, token: string, newPassword: string = NEW) =>
  client.send('POST', '/auth/reset-password', { body: { token, newPassword } });

describe('password reset', () => {
  test('the link carries its token in the fragment', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      await resetToken(s, person.email);
      const text = (await linkMails(s, person.email))[0]?.text ?? '';
      const links = text.match(/https?:\/\/\S+/g) ?? [];
      assert.equal(links.filter((link) => link.includes('token')).length, 1, text);
      const url = new URL(links.find((link) => link.includes('token')) ?? '');
      assert.equal(url.origin, 'http://localhost:8000');
      assert.equal(url.search, '');
      // 256 bits are 43 characters of base64url.
      assert.ok(url.hash.length >= '#token='.length + 43);
    }));

  test('sets the password, ends every session, tells the owner; once', () =>
    withScene(async (s) => {
      const person = somebody();
      const sessions = [await s.client.register(person), await s.client.login(person)];
      const token = await resetToken(s, person.email);
      const mails = (await s.mailsTo(person.email)).length;
      ok(await reset(s, token), 204);
      assert.equal((await s.mailsTo(person.email)).length, mails + 1);
      for (const { accessToken, refreshToken } of sessions) {
        refused(await s.client.send('GET', '/users/me', { token: accessToken }), 401, 'unauthenticated');
        refused(await s.client.send('POST', '/auth/refresh', { body: { refreshToken } }), 401, 'refresh_invalid');
      }
      refused(await reset(s, token, 'paints the fence at nine'), 400, 'token_invalid');
      await s.client.login({ ...person, password: NEW });
    }));

  test('the address may be written in any case', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      ok(await requestReset(s, ` ${person.email.toUpperCase()}`), 202);
      assert.equal((await linkMails(s, person.email)).length, 1);
    }));

  test('is good for 30 minutes', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      const late = await resetToken(s, person.email);
      s.time.forward(30 * MINUTE);
      refused(await reset(s, late), 400, 'token_invalid');
      const good = await resetToken(s, person.email);
      s.time.forward(30 * MINUTE - SECOND);
      ok(await reset(s, good), 204);
    }));

  test('a refused password leaves the link good', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      const token = await resetToken(s, person.email);
      refused(await reset(s, token, 'short'), 400, 'password_too_short');
      refused(await reset(s, token, 'password123'), 400, 'password_common');
      refused(await reset(s, token, 'y'.repeat(1025)), 400, 'password_too_long');
      refused(await reset(s, token, person.email), 400, 'password_context');
      ok(await reset(s, token), 204);
    }));

  test('every older link dies with the password', () =>
    withScene(async (s) => {
      const person = somebody();
      const { accessToken } = await s.client.register(person);
      const one = await resetToken(s, person.email);
      s.time.forward(SECOND);
      const other = await resetToken(s, person.email);
      ok(await reset(s, other), 204);
      refused(await reset(s, one, 'paints the fence at nine'), 400, 'token_invalid');
      refused(await s.client.send('GET', '/users/me', { token: accessToken }), 401, 'unauthenticated');

      const { accessToken: token } = await s.client.login({ ...person, password: NEW });
      s.time.forward(SECOND);
      const third = await resetToken(s, person.email);
      const body = { currentPassword: NEW, newPassword: 'sweeps the yard at ten' };
      ok(await s.client.send('POST', '/auth/change-password', { token, body }), 204);
      refused(await reset(s, third), 400, 'token_invalid');
    }));

  test('garbage is refused', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      const token = await resetToken(s, person.email);
      for (const bad of [
        'x',
        token.slice(0, -1),
        `${token}A`,
        token.slice(0, -2) + (token.endsWith('AA') ? 'BB' : 'AA'),
      ]) {
        refused(await reset(s, bad), 400, 'token_invalid');
      }
      ok(await reset(s, token), 204);
    }));

  test('unknown addresses are answered alike and get no mail', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      const known = await requestReset(s, person.email);
      const unknown = await requestReset(s, 'nobody@example.com');
      assert.equal(unknown.statusCode, 202);
      assert.equal(unknown.body, known.body);
      assert.deepEqual(await s.mailsTo('nobody@example.com'), []);
    }));
});

describe('POST /auth/change-password', () => {
  const change = ({ client }: Scene, token: string, body: object) =>
    client.send('POST', '/auth/change-password', { token, body });

  test('ends the other sessions, keeps this one, tells the owner', () =>
    withScene(async (s) => {
      const person = somebody();
      const other = await s.client.register(person);
      const mine = await s.client.login(person);
      const mails = (await s.mailsTo(person.email)).length;
      const body = { currentPassword: person.password, newPassword: NEW };
      assert.equal((await change(s, mine.accessToken, body)).statusCode, 204);
      ok(await s.client.send('GET', '/users/me', { token: mine.accessToken }), 200);
      const refresh = (refreshToken: string) => s.client.send('POST', '/auth/refresh', { body: { refreshToken } });
      ok(await refresh(mine.refreshToken), 200);
      refused(await s.client.send('GET', '/users/me', { token: other.accessToken }), 401, 'unauthenticated');
      refused(await refresh(other.refreshToken), 401, 'refresh_invalid');
      assert.equal((await s.mailsTo(person.email)).length, mails + 1);
      const old = { login: person.email, password: person.password };
      refused(await s.client.send('POST', '/auth/login', { body: old }), 401, 'invalid_credentials');
      await s.client.login({ ...person, password: NEW });
    }));

  test('refuses a wrong current password and bad new ones, and changes nothing then', () =>
    withScene(async (s) => {
      const person = somebody();
      const { accessToken: token } = await s.client.register(person);
      const { password: currentPassword } = person;
      const wrong = await change(s, token, { currentPassword: 'not the password', newPassword: NEW });
      refused(wrong, 401, 'invalid_credentials');
      refused(await change(s, token, { currentPassword, newPassword: 'short' }), 400, 'password_too_short');
      refused(await change(s, token, { currentPassword, newPassword: 'x'.repeat(1025) }), 400, 'password_too_long');
      refused(await change(s, token, { currentPassword, newPassword: 'iloveyou1' }), 400, 'password_common');
      refused(await change(s, token, { currentPassword, newPassword: person.email }), 400, 'password_context');
      refused(await change(s, token, { currentPassword }), 400, 'validation_failed');
      refused(await change(s, token, { newPassword: NEW }), 400, 'validation_failed');
      await s.client.login(person);
    }));

  test('needs a token', () =>
    withScene(async ({ client }) => {
      const body = { currentPassword: 'walks the dog at seven', newPassword: NEW };
      refused(await client.send('POST', '/auth/change-password', { body }), 401, 'unauthenticated');
    }));
});

describe('fresh routes and POST /auth/reauthenticate', () => {
  const reauthenticate = ({ client }: Scene, token: string, password: string) =>
    client.send('POST', '/auth/reauthenticate', { token, body: { password } });

  test('10 minutes after the sign-in they want the password again', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      const { accessToken: token } = await s.client.login(person);
      const moveTo = (newEmail: string, bearer: string) =>
        s.client.send('POST', '/users/me/email', { token: bearer, body: { newEmail } });
      s.time.forward(10 * MINUTE - SECOND);
      ok(await moveTo('one@example.org', token), 202);
      s.time.forward(2 * SECOND);
      const stale = await moveTo('two@example.org', token);
      refused(stale, 401, 'reauth_required');
      assert.match(String(stale.headers['www-authenticate']), /^Bearer/);
      refused(await s.client.send('DELETE', '/users/me', { token }), 401, 'reauth_required');

      refused(await reauthenticate(s, token, 'not the password'), 401, 'invalid_credentials');
      refused(await moveTo('two@example.org', token), 401, 'reauth_required');
      const answer = await reauthenticate(s, token, person.password);
      const { accessToken } = ok<{ accessToken: string; expiresIn: number }>(answer, 200);
      assert.equal(answer.headers['set-cookie'], undefined);
      assert.equal(decodeJwt(accessToken).auth_time, Math.floor(s.time.now.getTime() / 1000));
      assert.equal(decodeJwt(accessToken).sid, decodeJwt(token).sid);
      ok(await moveTo('two@example.org', accessToken), 202);
      ok(await s.client.send('DELETE', '/users/me', { token: accessToken }), 204);
    }));

  test('a refresh does not prove the password; the proof stays in the session’s later tokens', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      const signedIn = await s.client.login(person);
      const refresh = async (refreshToken: string) =>
        ok<SignedInBody>(await s.client.send('POST', '/auth/refresh', { body: { refreshToken } }), 200);
      const newEmail = 'one@example.org';
      s.time.forward(11 * MINUTE);
      const second = await refresh(signedIn.refreshToken);
      const stale = await s.client.send('POST', '/users/me/email', { token: second.accessToken, body: { newEmail } });
      refused(stale, 401, 'reauth_required');
      ok(await reauthenticate(s, second.accessToken, person.password), 200);
      s.time.forward(5 * MINUTE);
      const third = await refresh(second.refreshToken);
      ok(await s.client.send('POST', '/users/me/email', { token: third.accessToken, body: { newEmail } }), 202);
    }));

  test('reauthenticate needs a token and a password', () =>
    withScene(async (s) => {
      const { accessToken: token } = await s.client.register(somebody());
      refused(await s.client.send('POST', '/auth/reauthenticate', { body: { password: 'x' } }), 401, 'unauthenticated');
      refused(await s.client.send('POST', '/auth/reauthenticate', { token, body: {} }), 400, 'validation_failed');
    }));
});
