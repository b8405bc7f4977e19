import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DAY, MINUTE } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { ok, type SignedInBody, tokenIn } from './client.ts';
import { atOnce, refused, type Scene, somebody, tally, withScene } from './scenario.ts';

const NEW = 'feeds the cat at eight';

/** The newest mail with a link, and the code in it. */
async function linkMail(s: Scene, email: string) {
  const text = (await s.mailsTo(email)).find((mail) => mail.text.includes('#token='))?.text ?? assert.fail('no link');
  const code = /^ +([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})$/m.exec(text)?.[1] ?? assert.fail(text);
  return { text, code, token: tokenIn(text) };
}

const requestReset = async (s: Scene, email: string) =>
  ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email } }), 202);
const reset = (s: Scene, body: object) =>
  s.client.send('POST', '/auth/reset-password', { body: { newPassword: NEW, ...body } });

async function invited(s: Scene) {
  const root = somebody();
  await s.app.setup.createUser(SYSTEM_CALLER, { ...root, superadmin: true });
  const { accessToken: token } = await s.client.login(root);
  const guest = somebody();
  ok(await s.client.send('POST', '/admin/users', { token, body: { email: guest.email } }), 201);
  return guest;
}

describe('the code of a reset mail', () => {
  test('sets the password with the address, however both are typed; once, and the link is used up with it', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      await requestReset(s, person.email);
      const { code, token } = await linkMail(s, person.email);
      const typed = { email: ` ${person.email.toUpperCase()}`, code: code.toLowerCase().replaceAll('-', ' ') };
      ok(await reset(s, typed), 204);
      refused(await reset(s, typed), 400, 'code_invalid');
      refused(await reset(s, { token }), 400, 'token_invalid');
      await s.client.login({ ...person, password: NEW });
    }));

  test('is wrong with another address, altered, too late, or in place of a token', () =>
    withScene(async (s) => {
      const [person, other] = [somebody(), somebody()];
      for (const each of [person, other]) await s.client.register(each);
      await requestReset(s, person.email);
      await requestReset(s, other.email);
      const { code } = await linkMail(s, person.email);
      const { email } = person;
      const altered = `${code.slice(0, -1)}${code.endsWith('7') ? '8' : '7'}`;
      for (const [address, typed] of [
        [other.email, code],
        ['nobody@example.com', code],
        ['no address', code],
        [email, altered],
        [email, code.slice(0, -1)],
        [email, '123456'],
      ])
        refused(await reset(s, { email: address, code: typed }), 400, 'code_invalid');
      refused(await reset(s, { token: code }), 400, 'token_invalid');
      refused(await reset(s, { code }), 400, 'validation_failed');
      refused(await reset(s, { email }), 400, 'validation_failed');
      s.time.forward(30 * MINUTE);
      refused(await reset(s, { email, code }), 400, 'code_invalid');
    }));

  test('of an older mail works, too, until the password has changed', () =>
    withScene(async (s) => {
      const person = somebody();
      const { accessToken } = await s.client.register(person);
      const codes = [];
      for (let mails = 0; mails < 3; mails++, s.time.forward(1000)) {
        await requestReset(s, person.email);
        codes.push((await linkMail(s, person.email)).code);
      }
      assert.equal(new Set(codes).size, 3);
      ok(await reset(s, { email: person.email, code: codes[0] }), 204);
      for (const code of codes) refused(await reset(s, { email: person.email, code }), 400, 'code_invalid');
      refused(await s.client.send('GET', '/users/me', { token: accessToken }), 401, 'unauthenticated');
    }));

  test('of 50 callers one wins', () =>
    withScene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      await requestReset(s, person.email);
      const { code } = await linkMail(s, person.email);
      const answers = await atOnce(50, (index) =>
        reset(s, { email: person.email, code, newPassword: `number ${index} is the one` }),
      );
      assert.deepEqual(tally(answers), { '204': 1, '400 code_invalid': 49 });
    }));
});

describe('the code of an invitation', () => {
  test('sets the first password, signs in and verifies the address; once', () =>
    withScene(async (s) => {
      const { email, password } = await invited(s);
      const { code } = await linkMail(s, email);
      const body = { email, code, password, tokenTransport: 'body' };
      const { user } = ok<SignedInBody>(await s.client.send('POST', '/auth/accept-invitation', { body }), 200);
      assert.equal(user.emailVerified, true);
      refused(await s.client.send('POST', '/auth/accept-invitation', { body }), 400, 'code_invalid');
    }));

  test('is wrong altered, after seven days, and where no invitation waits', () =>
    withScene(async (s) => {
      const { email, password } = await invited(s);
      const { code } = await linkMail(s, email);
      const accept = (body: object) =>
        s.client.send('POST', '/auth/accept-invitation', { body: { password, ...body } });
      const person = somebody();
      await s.client.register(person);
      for (const address of [person.email, 'nobody@example.com'])
        refused(await accept({ email: address, code }), 400, 'code_invalid');
      refused(
        await accept({ email, code: code.replace(/^./, (letter) => (letter === '7' ? '8' : '7')) }),
        400,
        'code_invalid',
      );
      refused(await accept({ code }), 400, 'validation_failed');
      s.time.forward(7 * DAY);
      refused(await accept({ email, code }), 400, 'code_invalid');
    }));
});

test('opening the page uses nothing up, and it has fields for the code', () =>
  withScene(async (s) => {
    const { email } = await invited(s);
    const { code, token, text } = await linkMail(s, email);
    for (const line of text.match(/https?:\/\/[^\s]+/g) ?? []) {
      const { pathname } = new URL(line);
      for (const method of ['GET', 'HEAD', 'GET'] as const) {
        const answer = await s.app.http.inject({ method, url: pathname });
        assert.equal(answer.statusCode, 200);
        if (method === 'GET') assert.match(answer.body, /name="code"/);
      }
    }
    assert.ok(code && token);
    const body = { token, password: NEW, tokenTransport: 'body' };
    ok(await s.client.send('POST', '/auth/accept-invitation', { body }), 200);
  }));

test('PAGES_URL: links lead to the pages that it names, with the token in the fragment', () =>
  withScene(
    async (s) => {
      const { email } = await invited(s);
      const { text, token } = await linkMail(s, email);
      assert.ok(text.includes(`https://app.example.com/account/accept-invitation#token=${token}`), text);
      assert.ok(text.includes('https://app.example.com/account/accept-invitation '), text);
      await requestReset(s, email);
      const again = await linkMail(s, email);
      assert.ok(again.text.includes(`https://app.example.com/account/reset-password#token=${again.token}`), again.text);
      assert.doesNotMatch(text + again.text, /localhost/);
      // This server's own page stays, for links that were mailed before.
      assert.equal((await s.app.http.inject('/reset-password')).statusCode, 200);
    },
    { env: { PAGES_URL: 'https://app.example.com/account/' } },
  ));
