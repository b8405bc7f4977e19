import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DAY, HOUR, MINUTE, SECOND } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { codeIn, createClient, ok, tokenIn } from './client.ts';
import { type TestDatabase, testDatabases } from './databases.ts';
import { exhaust, guess, keptOf, LIMITED, logIn, newAccount, newAddress } from './guessers.ts';
import { atOnce, refused, type Scene, type SceneOptions, somebody, tally, withScene } from './scenario.ts';

const limited = (run: (s: Scene) => Promise<void>, { env = {}, ...options }: SceneOptions = {}) =>
  withScene(run, { ...options, env: { ...LIMITED, ...env } });

const BY_BODY = { tokenTransport: 'body' };

/** Signs in on a new device, from where nobody was held back; answers what it keeps. */
async function becomeKnown(s: Scene, person: { email: string; password: string }, more: object = {}) {
  return keptOf(ok200(await logIn(s.client, { ...loginOf(person), from: newAddress(), more })));
}

const loginOf = ({ email, password }: { email: string; password: string }) => ({ login: email, password });

function ok200<T extends Parameters<typeof ok>[0]>(answer: T): T {
  ok(answer, 200);
  return answer;
}

describe('guesses at one account', () => {
  test('ten an hour under each of its logins, wherever they come from', () =>
    limited(async (s) => {
      const { email, username } = await newAccount(s);
      const evaluated = { [email]: 0, [username]: 0 };
      for (let minute = 0; minute < 60; minute++) {
        for (const login of [email, username])
          evaluated[login] = (evaluated[login] ?? 0) + (await exhaust(s.client, login, 3));
        s.time.forward(MINUTE);
      }
      assert.deepEqual(evaluated, { [email]: 10, [username]: 10 });
    }));

  test('no spelling of a login, no field and no form gives more', () =>
    limited(async (s) => {
      const { email, username } = await newAccount(s);
      await exhaust(s.client, email);
      for (const login of [email.toUpperCase(), ` ${email} `, email.replace('e', 'ｅ'), email.replace('@', '＠')]) {
        refused(await guess(s.client, login), 429, 'rate_limited');
      }
      const ask = (path: string, body: string | object, headers: object = {}) =>
        s.client.send('POST', path, { body, headers: { 'x-forwarded-for': newAddress(), ...headers } });
      const [form, password] = [{ 'content-type': 'application/x-www-form-urlencoded' }, 'guess'];
      const fields = new URLSearchParams({ grant_type: 'password', username: email, password }).toString();
      refused(await ask('/auth/login', { email, password }), 429, 'rate_limited');
      refused(await ask('/auth/login', { username: email, password }), 429, 'rate_limited');
      refused(await ask('/auth/login', fields, form), 429, 'rate_limited');
      refused(await ask('/auth/token', fields, form), 429, 'rate_limited');
      await exhaust(s.client, username);
      refused(await guess(s.client, username.toUpperCase()), 429, 'rate_limited');
    }));

  test('the right password is not looked at either while strangers must wait', () =>
    limited(async (s) => {
      const { email, password } = await newAccount(s);
      await exhaust(s.client, email);
      refused(await logIn(s.client, { login: email, password, from: newAddress() }), 429, 'rate_limited');
      s.time.forward(2 * MINUTE);
      ok200(await logIn(s.client, { login: email, password, from: newAddress() }));
    }));

  test('an owner who signs in without a device again and again gives strangers no more guesses', () =>
    limited(async (s) => {
      const owner = await newAccount(s);
      let evaluated = 0;
      for (let minute = 0; minute < 60; minute++) {
        await logIn(s.client, { ...loginOf(owner), from: newAddress() });
        evaluated += await exhaust(s.client, owner.email, 3);
        s.time.forward(MINUTE);
      }
      assert.ok(evaluated <= 10, `${evaluated} guesses were looked at`);
    }));

  for (const { name, freshUrl } of testDatabases()) {
    test(`of 50 at once from 50 clients five are looked at (${name})`, () =>
      limited(
        async (s) => {
          const { email } = await newAccount(s);
          const answers = await atOnce(50, () => guess(s.client, email));
          assert.deepEqual(tally(answers), { '401 invalid_credentials': 5, '429 rate_limited': 45 });
        },
        { freshUrl },
      ));

    test(`a known device may sign in 50 times at once, and nothing is held back after it (${name})`, () =>
      limited(
        async (s) => {
          const owner = await newAccount(s);
          const kept = await becomeKnown(s, owner);
          const answers = await atOnce(50, () => logIn(s.client, { ...loginOf(owner), from: newAddress(), kept }));
          const counts = tally(answers);
          assert.deepEqual(
            Object.keys(counts).filter((key) => !['200', '429 rate_limited'].includes(key)),
            [],
          );
          assert.ok((counts['200'] ?? 0) >= 5);
          for (let times = 0; times < 3; times++) {
            ok200(await logIn(s.client, { ...loginOf(owner), from: newAddress(), kept }));
          }
        },
        { freshUrl },
      ));
  }
});

describe('a device that is known', () => {
  /** Guesses that go on for an hour of the clock, in the midst of which something is done. */
  async function besieged(s: Scene, logins: readonly string[], during: () => Promise<void>): Promise<void> {
    for (let minute = 0; minute < 60; minute += 5) {
      for (const login of logins) await exhaust(s.client, login, 3);
      await during();
      s.time.forward(5 * MINUTE);
    }
  }

  test('signs in at once while strangers guess: by cookie, by token, under each login', () =>
    limited(async (s) => {
      const owner = await newAccount(s);
      const devices = [await becomeKnown(s, owner), await becomeKnown(s, owner, BY_BODY)];
      await besieged(s, [owner.email, owner.username], async () => {
        for (const kept of devices) {
          for (const login of [owner.email, owner.username]) {
            ok200(await logIn(s.client, { login, password: owner.password, from: newAddress(), kept }));
          }
        }
      });
    }));

  test('signs in from the very address that a stranger guesses from', () =>
    limited(async (s) => {
      const owner = await newAccount(s);
      const from = newAddress();
      const kept = await becomeKnown(s, owner);
      for (let tries = 0; tries < 8; tries++) await guess(s.client, owner.email, { from });
      refused(await guess(s.client, owner.email, { from }), 429, 'rate_limited');
      ok200(await logIn(s.client, { ...loginOf(owner), from, kept }));
      for (let account = 0; account < 20; account++) await guess(s.client, `nobody${account}@example.com`, { from });
      ok200(await logIn(s.client, { ...loginOf(owner), from, kept }));
    }));

  test('became so by verify-email, by an invitation, or by a reset', () =>
    limited(async (s) => {
      const registered = somebody();
      const asked = await s.client.send('POST', '/auth/register', { body: registered });
      const code = codeIn((await s.mailsTo(registered.email))[0]?.text);
      const body = { registrationId: asked.json().registrationId, code };
      const verified = ok200(await s.client.send('POST', '/auth/verify-email', { body }));
      const known = [{ ...registered, kept: keptOf(verified) }];

      const root = somebody();
      await s.app.setup.createUser(SYSTEM_CALLER, { ...root, superadmin: true });
      const { accessToken: token } = await s.client.login(root);
      const guest = somebody();
      ok(await s.client.send('POST', '/admin/users', { token, body: { email: guest.email } }), 201);
      const invitation = tokenIn((await s.mailsTo(guest.email))[0]?.text);
      for (const more of [BY_BODY]) {
        const accepting = { token: invitation, password: guest.password, ...more };
        const accepted = ok200(await s.client.send('POST', '/auth/accept-invitation', { body: accepting }));
        known.push({ ...guest, kept: keptOf(accepted) });
      }

      for (const more of [{}, BY_BODY]) {
        const reset = await newAccount(s);
        await exhaust(s.client, reset.email);
        ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email: reset.email } }), 202);
        const password = 'feeds the cat at eight';
        const link = tokenIn((await s.mailsTo(reset.email)).find(({ text }) => text.includes('#token='))?.text);
        const answer = await s.client.send('POST', '/auth/reset-password', {
          body: { token: link, newPassword: password, ...more },
        });
        ok(answer, more === BY_BODY ? 200 : 204);
        known.push({ ...reset, password, kept: keptOf(answer) });
      }

      for (const { kept, ...person } of known) {
        await exhaust(s.client, person.email);
        ok200(await logIn(s.client, { ...loginOf(person), from: newAddress(), kept }));
      }
    }));

  test('of somebody else, or made up, is none', () =>
    limited(async (s) => {
      const [owner, other] = [await newAccount(s), await newAccount(s)];
      const kept = await becomeKnown(s, other, BY_BODY);
      await exhaust(s.client, owner.email);
      for (const held of [kept, { deviceToken: 'A'.repeat(54) }, { cookie: 'ostiary-device=A.B.C' }]) {
        refused(await logIn(s.client, { ...loginOf(owner), from: newAddress(), kept: held }), 429, 'rate_limited');
        refused(await guess(s.client, owner.email, { kept: held }), 429, 'rate_limited');
      }
    }));

  test('has ten tries an hour of its own, which hold back neither another device nor a stranger', () =>
    limited(async (s) => {
      const owner = await newAccount(s);
      const [lost, kept] = [await becomeKnown(s, owner), await becomeKnown(s, owner)];
      let evaluated = 0;
      for (let minute = 0; minute < 60; minute++) {
        for (let tries = 0; tries < 3; tries++) {
          evaluated += Number((await guess(s.client, owner.email, { kept: lost })).statusCode === 401);
        }
        s.time.forward(MINUTE);
      }
      assert.equal(evaluated, 10);
      ok200(await logIn(s.client, { ...loginOf(owner), from: newAddress(), kept }));
      ok200(await logIn(s.client, { ...loginOf(owner), from: newAddress() }));
    }));

  test('is not held back by forms that a page of a neighbouring site posts with its cookie, and neither is anybody', () =>
    limited(async (s) => {
      const owner = await newAccount(s);
      const kept = (await becomeKnown(s, owner)) as { cookie: string };
      const post = (path: string, password: string, headers: object) =>
        s.client.send('POST', path, {
          body: new URLSearchParams({ grant_type: 'password', username: owner.email, password }).toString(),
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            'x-forwarded-for': newAddress(),
            ...kept,
            ...headers,
          },
        });
      // `SameSite=Strict` lets the cookie come along from there.
      const neighbour = { origin: 'http://blog.localhost:8000', 'sec-fetch-site': 'same-site' };
      for (const path of ['/auth/login', '/auth/token']) {
        for (let tries = 0; tries < 6; tries++) refused(await post(path, 'guess', neighbour), 403, 'origin_refused');
        refused(await post(path, owner.password, neighbour), 403, 'origin_refused');
        ok200(await post(path, owner.password, {}));
        ok200(await post(path, owner.password, { 'sec-fetch-site': 'same-origin' }));
      }
      ok200(await logIn(s.client, { ...loginOf(owner), from: newAddress(), kept }));
    }));

  test('stays known through signing out, and keeps what four people have', () =>
    limited(async (s) => {
      const [ann, bob] = [await newAccount(s), await newAccount(s)];
      let kept = await becomeKnown(s, ann, BY_BODY);
      const answer = await logIn(s.client, { ...loginOf(bob), from: newAddress(), kept, more: BY_BODY });
      kept = keptOf(ok200(answer));
      ok(await s.client.send('POST', '/auth/logout', { token: answer.json().accessToken }), 204);
      for (const person of [ann, bob]) {
        await exhaust(s.client, person.email);
        ok200(await logIn(s.client, { ...loginOf(person), from: newAddress(), kept }));
      }
    }));
});

describe('what the owner and administrators can do', () => {
  async function withRoot(s: Scene) {
    const root = somebody();
    await s.app.setup.createUser(SYSTEM_CALLER, { ...root, superadmin: true });
    return {
      async unlock(id: string) {
        const { accessToken: token } = await s.client.login(root);
        ok(await s.client.send('POST', `/admin/users/${id}/unlock`, { token }), 200);
      },
    };
  }

  test('unlock frees strangers, known devices and sessions', () =>
    limited(async (s) => {
      const { unlock } = await withRoot(s);
      const owner = await newAccount(s);
      const kept = await becomeKnown(s, owner);
      const { accessToken: token } = (await logIn(s.client, { ...loginOf(owner), from: newAddress() })).json();
      const prove = (password: string) =>
        s.client.send('POST', '/auth/reauthenticate', {
          token,
          body: { password },
          headers: { 'x-forwarded-for': newAddress() },
        });
      const state = async () => ({
        byEmail: (await logIn(s.client, { ...loginOf(owner), from: newAddress() })).statusCode,
        byName: (await logIn(s.client, { login: owner.username, password: owner.password, from: newAddress() }))
          .statusCode,
        known: (await logIn(s.client, { ...loginOf(owner), from: newAddress(), kept })).statusCode,
        session: (await prove(owner.password)).statusCode,
      });
      for (let times = 0; times < 2; times++) {
        await exhaust(s.client, owner.email);
        await exhaust(s.client, owner.username);
        for (let tries = 0; tries < 6; tries++) {
          await guess(s.client, owner.email, { kept });
          await prove('not the password');
        }
        assert.deepEqual(await state(), { byEmail: 429, byName: 429, known: 429, session: 429 });
        await unlock(owner.id);
        assert.deepEqual(await state(), { byEmail: 200, byName: 200, known: 200, session: 200 });
      }
    }));

  test('what was forgiven stays so, and nothing else is, when the memory of it might end', () =>
    limited(async (s) => {
      const { unlock } = await withRoot(s);
      const owner = await newAccount(s);
      const kept = await becomeKnown(s, owner);
      const looked = async (tries: number) => {
        const answers = await atOnce(tries, () => guess(s.client, owner.email, { kept }));
        return answers.filter(({ statusCode }) => statusCode === 401).length;
      };
      for (let minute = 0; minute < 60; minute++, s.time.forward(MINUTE)) await looked(1);
      await unlock(owner.id);
      s.time.forward(DAY - MINUTE);
      assert.equal(await looked(8), 5);
      s.time.forward(MINUTE + SECOND);
      assert.equal(await looked(8), 0, 'under another number there would be more');
      for (let day = 0; day < 9; day++) {
        s.time.forward(DAY / 2);
        assert.equal(await looked(8), 1, `half days: ${day}`);
      }

      const other = await newAccount(s);
      const device = { kept: await becomeKnown(s, other) };
      for (let minute = 0; minute < 60; minute++, s.time.forward(MINUTE)) await guess(s.client, other.email, device);
      s.time.forward(-MINUTE);
      await unlock(other.id);
      s.time.forward(DAY + SECOND);
      const answers = await atOnce(5, () => guess(s.client, other.email, device));
      assert.deepEqual(tally(answers), { '401 invalid_credentials': 5 });
    }));

  test('another password makes every device a stranger but the one at hand', () =>
    limited(async (s) => {
      const owner = await newAccount(s);
      const elsewhere = await becomeKnown(s, owner, BY_BODY);
      const here = ok200(await logIn(s.client, { ...loginOf(owner), from: newAddress() }));
      const { cookie } = keptOf(here) as { cookie: string };
      const password = 'Quite another one, please';
      const changed = await s.client.send('POST', '/auth/change-password', {
        token: here.json().accessToken,
        body: { currentPassword: owner.password, newPassword: password },
        headers: { cookie, 'x-forwarded-for': newAddress() },
      });
      ok(changed, 204);
      await exhaust(s.client, owner.email);
      const attempt = { login: owner.email, password, from: newAddress() };
      refused(await logIn(s.client, { ...attempt, kept: elsewhere }), 429, 'rate_limited');
      refused(await logIn(s.client, { ...attempt, kept: { cookie } }), 429, 'rate_limited');
      const back = ok200(await logIn(s.client, { ...attempt, kept: keptOf(changed) }));

      const byBody = await s.client.send('POST', '/auth/change-password', {
        token: back.json().accessToken,
        body: { currentPassword: password, newPassword: owner.password, ...BY_BODY },
        headers: { 'x-forwarded-for': newAddress() },
      });
      ok(byBody, 200);
      ok200(await logIn(s.client, { ...loginOf(owner), from: newAddress(), kept: keptOf(byBody) }));
    }));

  test('a reset lets the owner in at once; a session goes on all the time', () =>
    limited(async (s) => {
      const owner = await newAccount(s);
      const { accessToken: token, refreshToken } = (
        await logIn(s.client, { ...loginOf(owner), from: newAddress(), more: BY_BODY })
      ).json();
      await exhaust(s.client, owner.email);
      ok(await s.client.send('GET', '/users/me', { token }), 200);
      ok(await s.client.send('POST', '/auth/reauthenticate', { token, body: { password: owner.password } }), 200);
      ok(await s.client.send('POST', '/auth/refresh', { body: { refreshToken } }), 200);
    }));

  test('the owner is told once a day, and nobody is told of an account that there is not', () =>
    limited(async (s) => {
      const { email, username } = await newAccount(s);
      const told = async () => (await s.mailsTo(email)).length;
      for (let hour = 0; hour < 12; hour++) {
        for (const login of [email, username, 'nobody@example.com']) await exhaust(s.client, login);
        if (hour === 0) assert.equal(await settled(told, 1), 1);
        if (hour < 11) s.time.forward(HOUR);
      }
      assert.equal(await settled(told, 1), 1);
      s.time.forward(DAY);
      await exhaust(s.client, email);
      assert.equal(await settled(told, 2), 2);
      assert.equal((await s.mailsTo('nobody@example.com')).length, 0);
    }));

  test('nobody is told because a client that guesses elsewhere asks for their account, too', () =>
    limited(async (s) => {
      const { email, password } = await newAccount(s);
      const from = newAddress();
      for (let account = 0; account < 12; account++) await guess(s.client, `nobody${account}@example.com`, { from });
      refused(await logIn(s.client, { login: email, password, from }), 429, 'rate_limited');
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal((await s.mailsTo(email)).length, 0);
    }));

  /** What follows an answer comes a moment after it. */
  async function settled(count: () => Promise<number>, expected: number): Promise<number> {
    for (let looks = 0; looks < 100 && (await count()) < expected; looks++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return count();
  }
});

describe('one client', () => {
  test('that fails at ten accounts waits, longer each time; the other clients do not', () =>
    limited(async (s) => {
      const from = newAddress();
      const [owner, neighbour] = [await newAccount(s), await newAccount(s)];
      const kept = await becomeKnown(s, owner);
      let account = 0;
      const next = () => guess(s.client, `nobody${++account}@example.com`, { from });
      for (let i = 0; i < 10; i++) refused(await next(), 401, 'invalid_credentials');
      for (const wait of [30, 60, 120, 240, 480, 900, 900]) {
        const answer = await next();
        refused(answer, 429, 'rate_limited');
        assert.equal(answer.headers['retry-after'], String(wait));
        s.time.forward(wait * SECOND);
        refused(await next(), 401, 'invalid_credentials');
      }
      refused(await logIn(s.client, { ...loginOf(neighbour), from }), 429, 'rate_limited');
      ok200(await logIn(s.client, { ...loginOf(owner), from, kept }));
      ok200(await logIn(s.client, { ...loginOf(neighbour), from: newAddress() }));
    }));

  test('an office in which everybody mistypes and then signs in holds nobody back', () =>
    limited(async (s) => {
      const from = newAddress();
      for (let person = 0; person < 24; person++) {
        const owner = await newAccount(s);
        // By either login, whichever is right in the end.
        await guess(s.client, person % 2 ? owner.email : owner.username, { from });
        if (person % 3 === 0) await guess(s.client, owner.email, { from });
        ok200(await logIn(s.client, { ...loginOf(owner), from }));
      }
      ok200(await logIn(s.client, { ...loginOf(await newAccount(s)), from }));
    }));

  test('takes back only its own slips at the account that it signs in to', () =>
    limited(async (s) => {
      const from = newAddress();
      const [own, neighbour] = [await newAccount(s), await newAccount(s)];
      /** Slips at the own account, and then signs in there, so many times at once: by a known device, which waits for nobody. */
      const slipAndSignIn = async (times: number) => {
        const kept = await becomeKnown(s, own);
        await guess(s.client, own.email, { from, kept });
        for (const answer of await atOnce(times, () => logIn(s.client, { ...loginOf(own), from, kept }))) ok200(answer);
      };
      for (let account = 0; account < 9; account++) await guess(s.client, `nobody${account}@example.com`, { from });
      for (const times of [1, 4, 1]) await slipAndSignIn(times);
      refused(await guess(s.client, 'nobody9@example.com', { from }), 401, 'invalid_credentials');
      refused(await logIn(s.client, { ...loginOf(neighbour), from }), 429, 'rate_limited');
      await slipAndSignIn(4);
      refused(await logIn(s.client, { ...loginOf(neighbour), from }), 429, 'rate_limited');
    }));

  test('may send the right password again and again while a step waits, and wrong ones as ever', () =>
    limited(async (s) => {
      const from = newAddress();
      const owner = await newAccount(s);
      const root = somebody();
      await s.app.setup.createUser(SYSTEM_CALLER, { ...root, superadmin: true });
      const { accessToken: admin } = await s.client.login(root);
      const body = { temporaryPassword: 'for the first day' };
      ok(await s.client.send('POST', `/admin/users/${owner.id}/temporary-password`, { token: admin, body }), 204);
      const temporary = { login: owner.email, password: 'for the first day', from };
      for (let times = 0; times < 9; times++) refused(await logIn(s.client, temporary), 403, 'step_required');
      const { flowToken } = refused(await logIn(s.client, temporary), 403, 'step_required');
      for (let times = 0; times < 5; times++) await guess(s.client, owner.email, { from });
      refused(await logIn(s.client, temporary), 429, 'rate_limited');
      const headers = { 'x-forwarded-for': from };
      const step = { flowToken, newPassword: 'feeds the cat at eight' };
      ok200(await s.client.send('POST', '/auth/complete-step', { body: step, headers }));
    }));

  test('that mistypes at one account over and over counts one account', () =>
    limited(async (s) => {
      const from = newAddress();
      const [owner, neighbour] = [await newAccount(s), await newAccount(s)];
      for (let hour = 0; hour < 6; hour++) {
        await guess(s.client, owner.email, { from });
        s.time.forward(HOUR);
      }
      ok200(await logIn(s.client, { ...loginOf(neighbour), from }));
    }));

  test('pays for what it had under way at once as for one after the other', () =>
    limited(async (s) => {
      const from = newAddress();
      const burst = await atOnce(20, (i) => guess(s.client, `nobody${i}@example.com`, { from }));
      assert.equal(burst.filter(({ statusCode }) => statusCode === 500).length, 0);
      const answer = await guess(s.client, 'another@example.com', { from });
      refused(answer, 429, 'rate_limited');
      assert.equal(answer.headers['retry-after'], '900');
    }));

  test("that types an id, or what it would be counted by elsewhere, uses up nobody else's tries", () =>
    limited(async (s) => {
      const owner = await newAccount(s);
      const from = newAddress();
      const { accessToken: token } = ok200(await logIn(s.client, { ...loginOf(owner), from })).json();
      const headers = { 'x-forwarded-for': from };
      for (const typed of [owner.id, `login ${owner.email}`]) {
        for (let tries = 0; tries < 6; tries++) {
          await s.client.send('POST', '/auth/complete-step', { body: { flowToken: typed, code: '123456' }, headers });
          await guess(s.client, typed, { from });
        }
      }
      const body = { password: owner.password };
      ok200(await s.client.send('POST', '/auth/reauthenticate', { token, body, headers }));
      ok200(await logIn(s.client, { ...loginOf(owner), from }));
    }));

  test('IPv6 clients count by /64', () =>
    limited(async (s) => {
      for (let i = 0; i < 10; i++) await guess(s.client, `nobody${i}@example.com`, { from: `2001:db8:1:2::${i + 1}` });
      refused(await guess(s.client, 'x@example.com', { from: '2001:db8:1:2:ffff::1' }), 429, 'rate_limited');
      refused(await guess(s.client, 'y@example.com', { from: '2001:db8:1:3::1' }), 401, 'invalid_credentials');
    }));
});

test('two instances whose clocks are apart: the right password signs in on both, each time', async () => {
  const [sqlite] = testDatabases({}) as [TestDatabase];
  const { url: databaseUrl, drop } = await sqlite.freshUrl();
  const opened: TestApp[] = [];
  try {
    for (const skew of [0, 3 * SECOND]) {
      const time = standingClock();
      time.forward(skew);
      opened.push(await openTestApp({ databaseUrl, env: LIMITED, time }));
    }
    const [behind, ahead] = opened as [TestApp, TestApp];
    const owner = await newAccount(behind);
    for (let times = 0; times < 8; times++) {
      const client = createClient(times % 2 ? behind : ahead);
      ok200(await logIn(client, { ...loginOf(owner), from: newAddress() }));
    }
  } finally {
    for (const { close } of opened) await close();
    await drop();
  }
});

test('an unlock on one instance frees the account on all', async () => {
  const [sqlite] = testDatabases({}) as [TestDatabase];
  const { url: databaseUrl, drop } = await sqlite.freshUrl();
  const opened: TestApp[] = [];
  try {
    for (let i = 0; i < 2; i++) opened.push(await openTestApp({ databaseUrl, env: LIMITED }));
    const [one, two] = opened as [TestApp, TestApp];
    const [here, there] = [createClient(one), createClient(two)];
    const owner = await newAccount(one);
    const root = somebody();
    await one.app.setup.createUser(SYSTEM_CALLER, { ...root, superadmin: true });
    await exhaust(here, owner.email);
    refused(await guess(there, owner.email), 429, 'rate_limited');
    const { accessToken: token } = await there.login(root);
    ok(await there.send('POST', `/admin/users/${owner.id}/unlock`, { token }), 200);
    for (const client of [here, there]) ok200(await logIn(client, { ...loginOf(owner), from: newAddress() }));
  } finally {
    for (const { close } of opened) await close();
    await drop();
  }
});
