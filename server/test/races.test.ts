import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { SECOND } from '../src/platform/clock.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { codeIn, createClient, ok, type SignedInBody, tokenIn } from './client.ts';
import { testDatabases } from './databases.ts';
import { makeEvent, makeUser } from './fixtures.ts';
import { runningTime } from './running-time.ts';
import { atOnce, openScene, type Problem, refused, type Scene, somebody, tally, withScene } from './scenario.ts';

const CALLERS = 50;
/** `races.long.test.ts` takes more. */
const ROUNDS = Number(process.env.RACE_ROUNDS || 1);
/** Of running time, within which every instance refuses what one of them revoked (the contract, Revocation). */
const REVOCATION_LIMIT = SECOND;

type Answer = ReturnType<Scene['client']['send']>;

/** All at once; whoever the bounded queue of the hasher turns away comes back, so that every caller has raced in the end. */
const race = (call: (index: number) => Answer) =>
  atOnce(CALLERS, async (index) => {
    for (;;) {
      const answer = await call(index);
      if (answer.statusCode !== 503 || answer.json<Problem>().code !== 'overloaded') return answer;
      await pause(20);
    }
  });

/** The newest mail with this in it; of two instances either may deliver it, so one may have to wait for the other. */
async function mailWith(t: TestApp, address: string, content: RegExp): Promise<string> {
  for (;;) {
    const mail = (await t.mailsTo(address)).find(({ text }) => content.test(text));
    if (mail) return mail.text;
    await pause(20);
  }
}

const anyMail = (t: TestApp): TestApp => ({
  ...t,
  async mailsTo(address) {
    await mailWith(t, address, /./);
    return t.mailsTo(address);
  },
});

for (const { name, freshUrl } of testDatabases()) {
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

  describe(`races on ${name}: ${CALLERS} callers, rounds: ${ROUNDS}`, () => {
    let s: Scene;
    before(async () => {
      s = await openScene({ freshUrl });
    });
    after(() => s.close());

    test('verification code: one 200, one user', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const person = somebody();
        const asked = await s.client.send('POST', '/auth/register', { body: person });
        const { registrationId } = ok<{ registrationId: string }>(asked, 202);
        const code = codeIn((await s.mailsTo(person.email))[0]?.text);
        const body = { registrationId, code, tokenTransport: 'body' };
        const answers = await race(() => s.client.send('POST', '/auth/verify-email', { body }));
        assert.deepEqual(tally(answers), { '200': 1, '400 code_invalid': CALLERS - 1 });
        const winner = answers.find(({ statusCode }) => statusCode === 200);
        const { accessToken: token } = ok<SignedInBody>(winner ?? assert.fail(), 200);
        const { items } = ok<{ items: unknown[] }>(await s.client.send('GET', '/sessions', { token }), 200);
        assert.equal(items.length, 1, 'one session');
        const told = (await s.mailsTo(person.email)).filter(({ subject }) => /welcome/i.test(subject));
        assert.equal(told.length, 1, 'one welcome');
      }
    });

    test('many registrations of one address: one user', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { email, password } = somebody();
        const codes: { registrationId: string; code: string }[] = [];
        // No more than these are mailed a code at once.
        for (let count = 0; count < 3; count++) {
          s.time.forward(61 * SECOND);
          const asked = await s.client.send('POST', '/auth/register', { body: { email, password } });
          const { registrationId } = ok<{ registrationId: string }>(asked, 202);
          codes.push({ registrationId, code: codeIn((await s.mailsTo(email))[0]?.text) });
        }
        const answers = await race((index) =>
          s.client.send('POST', '/auth/verify-email', { body: codes[index % codes.length] }),
        );
        const counts = tally(answers);
        assert.equal(counts['200'], 1, JSON.stringify(counts));
        // Tries under way count as guesses until their codes are known to be right: the last of a crowd may have to wait.
        const lost = ['409 email_taken', '400 code_invalid', '429 rate_limited'].map((answer) => counts[answer] ?? 0);
        assert.equal(sum(lost), CALLERS - 1, JSON.stringify(counts));
      }
    });

    test('one username wanted by all: one gets it, the others 409', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const username = `wanted-${round}-name`;
        const people: SignedInBody[] = [];
        for (let count = 0; count < 8; count++) people.push(await s.client.register(somebody()));
        const answers = await atOnce(people.length, (index) =>
          s.client.send('PATCH', '/users/me', { token: people[index]?.accessToken ?? '', body: { username } }),
        );
        assert.deepEqual(tally(answers), { '200': 1, '409 username_taken': people.length - 1 });
      }
    });

    test('names that look alike, wanted with the codes of many registrations: one gets one, the others 409', async () => {
      const names = [
        'wish-mail',
        'WISH-MAIL',
        'vvish-mail',
        'wish-mai1',
        'wish-rnail',
        'wísh-mail',
        'wish--mail',
        'wlsh-mall',
      ];
      for (let round = 0; round < ROUNDS; round++) {
        const codes: { registrationId: string; code: string }[] = [];
        for (const _ of names) {
          const { email, password } = somebody();
          const asked = await s.client.send('POST', '/auth/register', { body: { email, password } });
          const { registrationId } = ok<{ registrationId: string }>(asked, 202);
          codes.push({ registrationId, code: codeIn((await s.mailsTo(email))[0]?.text) });
        }
        const answers = await atOnce(names.length, (index) =>
          s.client.send('POST', '/auth/verify-email', {
            body: { ...codes[index], username: `${names[index]}-${round}a`, tokenTransport: 'body' },
          }),
        );
        assert.deepEqual(tally(answers), { '200': 1, '409 username_taken': names.length - 1 });
        const lost = answers.findIndex(({ statusCode }) => statusCode === 409);
        ok(await s.client.send('POST', '/auth/verify-email', { body: codes[lost] ?? {} }), 200);
      }
    });

    test('reset token: one 204', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const person = somebody();
        await s.client.register(person);
        ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email: person.email } }), 202);
        const token = tokenIn((await s.mailsTo(person.email)).find(({ text }) => text.includes('#token='))?.text);
        const answers = await race((index) =>
          s.client.send('POST', '/auth/reset-password', { body: { token, newPassword: `number ${index} is the one` } }),
        );
        assert.deepEqual(tally(answers), { '204': 1, '400 token_invalid': CALLERS - 1 });
        const winner = answers.findIndex(({ statusCode }) => statusCode === 204);
        await s.client.login({ ...person, password: `number ${winner} is the one` });
      }
    });

    test('refresh token: one distinct successor for all, and the session lives', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { refreshToken } = await s.client.register(somebody());
        const answers = await race(() => s.client.send('POST', '/auth/refresh', { body: { refreshToken } }));
        assert.deepEqual(tally(answers), { '200': CALLERS });
        const successors = new Set(answers.map((answer) => answer.json<SignedInBody>().refreshToken));
        assert.equal(successors.size, 1);
        assert.ok(!successors.has(refreshToken));
        const [next = ''] = successors;
        ok(await s.client.send('POST', '/auth/refresh', { body: { refreshToken: next } }), 200);
      }
    });

    test('setup link: one superadmin', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        await withScene(
          async (own) => {
            const tokens = new Set(await atOnce(5, () => own.app.setup.offer()));
            assert.equal(tokens.size, 1, 'all offer the same link');
            const [token] = tokens;
            const answers = await race((index) => {
              const body = { token, email: `root${index}@example.com`, password: 'keeps the keys at home' };
              return own.client.send('POST', '/setup', { body });
            });
            assert.deepEqual(tally(answers), { '201': 1, '404 not_found': CALLERS - 1 });
            const winner = answers.findIndex(({ statusCode }) => statusCode === 201);
            const person = { email: `root${winner}@example.com`, password: 'keeps the keys at home' };
            assert.ok((await own.client.login(person)).user.roles.includes('superadmin'));
            for (let other = 0; other < CALLERS; other++) {
              if (other === winner) continue;
              assert.equal(await own.app.storage.users.findByEmail(`root${other}@example.com`), null);
            }
          },
          { freshUrl },
        );
      }
    });

    test('e-mail change code: one 200', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { accessToken: token } = await s.client.register(somebody());
        const { email: newEmail } = somebody();
        ok(await s.client.send('POST', '/users/me/email', { token, body: { newEmail } }), 202);
        const code = codeIn((await s.mailsTo(newEmail))[0]?.text);
        const answers = await race(() => s.client.send('POST', '/users/me/email/confirm', { token, body: { code } }));
        assert.deepEqual(tally(answers), { '200': 1, '400 code_invalid': CALLERS - 1 });
      }
    });

    test('flow token of a forced change of password: one 200', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { email, password } = somebody();
        const user = makeUser({
          email,
          emailNorm: email,
          username: null,
          usernameKey: null,
          passwordHash: await s.app.hasher.hash(password),
          emailChange: null,
        });
        assert.equal(await s.app.storage.users.insert(user, makeEvent(`user:${user.id}`, { pending: false })), 'ok');
        const login = await s.client.send('POST', '/auth/login', { body: { login: email, password } });
        const { flowToken } = refused(login, 403, 'step_required');
        const answers = await race((index) => {
          const body = { flowToken, newPassword: `number ${index} is the one`, tokenTransport: 'body' };
          return s.client.send('POST', '/auth/complete-step', { body });
        });
        assert.deepEqual(tally(answers), { '200': 1, '400 token_invalid': CALLERS - 1 });
        const winner = answers.findIndex(({ statusCode }) => statusCode === 200);
        await s.client.login({ email, password: `number ${winner} is the one` });
        const token = answers[winner]?.json<SignedInBody>().accessToken ?? '';
        ok(await s.client.send('GET', '/users/me', { token }), 200);
      }
    });
  });

  describe(`revocation on ${name}: two instances, one database`, () => {
    let one: TestApp;
    let other: TestApp;
    let drop: () => Promise<void>;
    let dataDir: string;
    before(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'ostiary-two-'));
      const fresh = await freshUrl();
      drop = fresh.drop;
      const shared = { databaseUrl: fresh.url, dataDir, time: standingClock() };
      one = await openTestApp(shared);
      other = await openTestApp(shared);
    });
    after(async () => {
      await other.close();
      await one.close();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    });

    type Client = ReturnType<typeof createClient>;
    const revocations: Record<string, (here: Client, signedIn: SignedInBody, email: string) => Promise<unknown>> = {
      logout: (here, { accessToken: token }) => here.send('POST', '/auth/logout', { token }),
      'logout-all': (here, { accessToken: token }) => here.send('POST', '/auth/logout-all', { token }),
      'ending the session': (here, { accessToken: token, session }) =>
        here.send('DELETE', `/sessions/${session.id}`, { token }),
      'deleting the account': (here, { accessToken: token }) => here.send('DELETE', '/users/me', { token }),
      'resetting the password': async (here, _signedIn, email) => {
        ok(await here.send('POST', '/auth/request-password-reset', { body: { email } }), 202);
        const token = tokenIn(await mailWith(one, email, /#token=/));
        return here.send('POST', '/auth/reset-password', { body: { token, newPassword: 'feeds the cat at eight' } });
      },
      'replaying an old refresh token': async (here, { refreshToken }) => {
        const second = ok<SignedInBody>(await here.send('POST', '/auth/refresh', { body: { refreshToken } }), 200);
        const body = { refreshToken: second.refreshToken };
        ok(await here.send('POST', '/auth/refresh', { body }), 200);
        return here.send('POST', '/auth/refresh', { body: { refreshToken } });
      },
    };

    for (const [means, revoke] of Object.entries(revocations)) {
      test(`${means} on one is in force on the other within a second`, async () => {
        const person = somebody();
        const [here, there] = [createClient(anyMail(one)), createClient(anyMail(other))];
        const signedIn = await here.register(person);
        const { accessToken: token, refreshToken } = signedIn;
        // The other instance has the token and its session in memory.
        ok(await there.send('GET', '/users/me', { token }), 200);
        ok(await there.send('GET', '/sessions', { token }), 200);
        await revoke(here, signedIn, person.email);
        const revoked = runningTime();
        refused(await here.send('GET', '/sessions', { token }), 401, 'unauthenticated');
        while ((await there.send('GET', '/sessions', { token })).statusCode === 200) {
          assert.ok(runningTime() - revoked < REVOCATION_LIMIT, 'still let in after the limit');
          await pause(20);
        }
        refused(await there.send('GET', '/sessions', { token }), 401, 'unauthenticated');
        refused(await there.send('POST', '/auth/refresh', { body: { refreshToken } }), 401, 'refresh_invalid');
      });
    }

    test('a change of the password spares the session that asked for it, on both', async () => {
      const person = somebody();
      const [here, there] = [createClient(anyMail(one)), createClient(anyMail(other))];
      const lost = await here.register(person);
      const kept = await there.login(person);
      ok(await here.send('GET', '/sessions', { token: lost.accessToken }), 200);
      const body = { currentPassword: person.password, newPassword: 'feeds the cat at eight' };
      ok(await there.send('POST', '/auth/change-password', { token: kept.accessToken, body }), 204);
      const revoked = runningTime();
      while ((await here.send('GET', '/sessions', { token: lost.accessToken })).statusCode === 200) {
        assert.ok(runningTime() - revoked < REVOCATION_LIMIT, 'still let in after the limit');
        await pause(20);
      }
      for (const client of [here, there]) {
        ok(await client.send('GET', '/sessions', { token: kept.accessToken }), 200);
      }
      refused(
        await here.send('POST', '/auth/refresh', { body: { refreshToken: lost.refreshToken } }),
        401,
        'refresh_invalid',
      );
    });

    test('one refresh token used on both at once has one successor', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const clients = [createClient(anyMail(one)), createClient(anyMail(other))] as const;
        const { refreshToken } = await clients[0].register(somebody());
        const answers = await atOnce(CALLERS, (index) =>
          clients[index % 2 === 0 ? 0 : 1].send('POST', '/auth/refresh', { body: { refreshToken } }),
        );
        assert.deepEqual(tally(answers), { '200': CALLERS });
        assert.equal(new Set(answers.map((answer) => answer.json<SignedInBody>().refreshToken)).size, 1);
      }
    });
  });
}
