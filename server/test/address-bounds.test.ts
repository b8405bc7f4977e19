import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOUR, MINUTE } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { codeIn, ok, tokenIn } from './client.ts';
import { LIMITED, newAddress } from './guessers.ts';
import { type Scene, somebody, tally, withScene } from './scenario.ts';

/** Clients that a proxy tells apart; the limits of single routes are off, so that only those of the address count. */
const scene = (run: (s: Scene) => Promise<void>) =>
  withScene(run, { env: { TRUSTED_PROXIES: LIMITED.TRUSTED_PROXIES } });

const TARGET = 'target@company.example';
const OFFICE = '192.0.2.1';

function post(s: Scene, path: string, body: object, { from = OFFICE, token }: { from?: string; token?: string } = {}) {
  return s.client.send('POST', path, { body, headers: { 'x-forwarded-for': from }, ...(token && { token }) });
}

const register = async (s: Scene, email: string, from = OFFICE) =>
  ok<{ registrationId: string }>(
    await post(s, '/auth/register', { email, password: 'walks the dog at seven' }, { from }),
    202,
  ).registrationId;

const wrong = (code: string, by: number) => String((Number(code) + by) % 1_000_000).padStart(6, '0');
const mailsToTarget = async (s: Scene) => (await s.mailsTo(TARGET)).length;

describe('mails to one address', () => {
  test('are bounded over the accounts of one owner that ask for it', () =>
    scene(async (s) => {
      const answers = [];
      for (let account = 0; account < 4; account++) {
        const { accessToken: token } = await s.client.register(somebody());
        for (let again = 0; again < 5; again++)
          answers.push(await post(s, '/users/me/email', { newEmail: TARGET }, { token }));
      }
      assert.equal(await mailsToTarget(s), 5);
      assert.deepEqual(tally(answers), { '202': 5, '429 rate_limited': 15 });
    }));

  test('are bounded over registrations, their resends, changes of address and resets together', () =>
    scene(async (s) => {
      const { accessToken: token } = await s.client.register(somebody());
      const ids = [await register(s, TARGET), await register(s, TARGET)];
      ok(await post(s, '/auth/request-password-reset', { email: TARGET }), 202);
      ok(await post(s, '/users/me/email', { newEmail: TARGET }, { token }), 202);
      for (let minute = 0; minute < 20; minute++) {
        s.time.forward(61_000);
        for (const registrationId of ids) ok(await post(s, '/auth/resend-verification', { registrationId }), 202);
        ids.push(await register(s, TARGET.toUpperCase()));
        await post(s, '/users/me/email', { newEmail: TARGET }, { token });
      }
      // The request for a reset counts, although there is no account to mail a link to.
      assert.equal(await mailsToTarget(s), 4);
    }));

  test('administrators: five an hour, of invitations and resets, apart from those of strangers', () =>
    scene(async (s) => {
      const root = somebody();
      await s.app.setup.createUser(SYSTEM_CALLER, { ...root, superadmin: true });
      const { accessToken: token } = await s.client.login(root);
      const { id } = ok<{ id: string }>(await post(s, '/admin/users', { email: TARGET }, { token }), 201);
      for (let stranger = 0; stranger < 9; stranger++) await register(s, TARGET);
      const before = await mailsToTarget(s);
      const answers = [];
      for (let again = 0; again < 7; again++)
        answers.push(await s.client.send('POST', `/admin/users/${id}/password-reset`, { token }));
      assert.deepEqual(tally(answers), { '202': 5, '429 rate_limited': 2 });
      const mailed = (await mailsToTarget(s)) - before;
      // One that was renewed before its mail was made is not mailed.
      assert.ok(mailed >= 1 && mailed <= 5, `${mailed} mails`);
      assert.match((await s.mailsTo(TARGET))[0]?.text ?? '', /#token=/);
    }));
});

describe('strangers who use up the mails of an address', () => {
  const links = async (s: Scene, email: string) =>
    (await s.mailsTo(email)).filter(({ text }) => text.includes('#token=')).length;

  test('with resets: its owner gets a link from another network, at once', () =>
    scene(async (s) => {
      const { email, password } = somebody();
      await s.client.register({ email, password });
      for (let stranger = 0; stranger < 12; stranger++) {
        const from = newAddress();
        for (let again = 0; again < 5; again++) await post(s, '/auth/request-password-reset', { email }, { from });
      }
      const before = await links(s, email);
      assert.ok(before <= 12 + 10, `${before} links`);
      s.time.forward(38 * MINUTE);
      ok(await post(s, '/auth/request-password-reset', { email }), 202);
      assert.equal(await links(s, email), before + 1);
      const token = tokenIn((await s.mailsTo(email)).find(({ text }) => text.includes('#token='))?.text);
      ok(await post(s, '/auth/reset-password', { token, newPassword: 'feeds the cat at eight' }), 204);
    }));

  test('with resets: a known device in the network of the stranger is counted apart, by cookie and by token', () =>
    scene(async (s) => {
      const person = somebody();
      await s.client.register(person);
      const login = { login: person.email, password: person.password };
      const browser = await post(s, '/auth/login', login);
      const cookie = String([browser.headers['set-cookie']].flat().find((field) => /-device=/.test(String(field))));
      const signedIn = ok<{ deviceToken: string }>(
        await post(s, '/auth/login', { ...login, tokenTransport: 'body' }),
        200,
      );
      for (let again = 0; again < 20; again++) await post(s, '/auth/request-password-reset', { email: person.email });
      const before = await links(s, person.email);
      assert.equal(before, 5);
      const { email } = person;
      ok(await post(s, '/auth/request-password-reset', { email, deviceToken: signedIn.deviceToken }), 202);
      assert.equal(await links(s, email), before + 1);
      const headers = { 'x-forwarded-for': OFFICE, cookie: cookie.split(';', 1)[0] ?? '' };
      ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email }, headers }), 202);
      assert.equal(await links(s, email), before + 2);
      const stranger = somebody();
      await s.client.register(stranger);
      const body = { login: stranger.email, password: stranger.password, tokenTransport: 'body' };
      const { deviceToken } = ok<{ deviceToken: string }>(await post(s, '/auth/login', body), 200);
      ok(await post(s, '/auth/request-password-reset', { email, deviceToken }), 202);
      assert.equal(await links(s, email), before + 2, 'the device of somebody else is none');
    }));

  test('with registrations: its owner registers from another network', () =>
    scene(async (s) => {
      for (let stranger = 0; stranger < 20; stranger++) await register(s, TARGET, newAddress());
      const before = await mailsToTarget(s);
      const registrationId = await register(s, TARGET, '198.51.100.7');
      assert.equal(await mailsToTarget(s), before + 1);
      const code = codeIn((await s.mailsTo(TARGET))[0]?.text);
      ok(await post(s, '/auth/verify-email', { registrationId, code }, { from: '198.51.100.7' }), 200);
    }));

  test('with registrations, in the network of its owner: any code that was mailed works for the owner', () =>
    scene(async (s) => {
      for (let which = 0; which < 5; which++) {
        const target = `target${which}@company.example`;
        for (let stranger = 0; stranger < 20; stranger++, s.time.forward(2000)) await register(s, target);
        const mails = await s.mailsTo(target);
        assert.equal(mails.length, 5);
        const registrationId = await register(s, target);
        assert.equal((await s.mailsTo(target)).length, 5, 'nothing more is mailed');
        const code = codeIn(mails[which]?.text);
        ok(await post(s, '/auth/verify-email', { registrationId, code }), 200);
        await s.client.login({ email: target, password: 'walks the dog at seven' });
      }
    }));

  test('leave the codes that were mailed good: wrong tries at other registrations do not spend them', () =>
    scene(async (s) => {
      const registrationId = await register(s, TARGET, '198.51.100.7');
      const code = codeIn((await s.mailsTo(TARGET))[0]?.text);
      for (let stranger = 0; stranger < 15; stranger++) {
        const from = newAddress();
        const theirs = await register(s, TARGET, from);
        for (let tries = 1; tries <= 5; tries++)
          await post(s, '/auth/verify-email', { registrationId: theirs, code: wrong(code, tries) }, { from });
      }
      ok(await post(s, '/auth/verify-email', { registrationId, code }, { from: '198.51.100.7' }), 200);
    }));
});

describe('guesses at the codes of one address', () => {
  test('are bounded over its registrations, also after their codes were mailed again', () =>
    scene(async (s) => {
      const ids: string[] = [];
      for (let count = 0; count < 5; count++) ids.push(await register(s, TARGET));
      const code = codeIn((await s.mailsTo(TARGET))[0]?.text);
      const answers = [];
      for (let round = 0; round < 3; round++) {
        for (const registrationId of ids) {
          for (let tries = 1; tries <= 5; tries++)
            answers.push(await post(s, '/auth/verify-email', { registrationId, code: wrong(code, tries) }));
        }
        s.time.forward(61_000);
        for (const registrationId of ids) ok(await post(s, '/auth/resend-verification', { registrationId }), 202);
      }
      const counts = tally(answers);
      assert.ok((counts['429 rate_limited'] ?? 0) > 0, JSON.stringify(counts));
      assert.equal(await mailsToTarget(s), 5);
      // Spent codes are refused before they are compared.
      assert.equal(counts['200'], undefined);
    }));

  test('are bounded over the accounts that ask for it: thousands of them have no more than one', () =>
    scene(async (s) => {
      let compared = 0;
      for (let account = 0; account < 9; account++) {
        const { accessToken: token } = await s.client.register(somebody());
        const from = account < 5 ? OFFICE : newAddress();
        await post(s, '/users/me/email', { newEmail: TARGET }, { token, from });
        for (let tries = 0; tries < 5; tries++) {
          const answer = await post(s, '/users/me/email/confirm', { code: String(tries).padStart(6, '0') }, { token });
          compared += Number(answer.statusCode === 400);
        }
      }
      assert.ok(compared <= 20 + 9, `${compared} guesses`);
    }));

  test('a verification of one’s own address is counted apart', () =>
    scene(async (s) => {
      const person = somebody();
      const { accessToken: token } = await s.client.register(person);
      for (let stranger = 0; stranger < 9; stranger++)
        await post(s, '/auth/request-password-reset', { email: person.email });
      const before = (await s.mailsTo(person.email)).length;
      ok(await post(s, '/users/me/email', { newEmail: person.email }, { token }), 202);
      assert.equal((await s.mailsTo(person.email)).length, before + 1);
      s.time.forward(HOUR);
    }));
});
