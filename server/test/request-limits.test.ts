import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOUR, MINUTE } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { ok, type SignedInBody } from './client.ts';
import { newAccount } from './guessers.ts';
import { cookieOf, refused, SAME_ORIGIN, type Scene, somebody, tally, withScene } from './scenario.ts';

/** Everybody in these scenarios has one address, as in an office or behind a server-side front end. */
const office = (run: (s: Scene) => Promise<void>) => withScene(run, { env: { RATE_LIMITS: 'on' } });

async function colleagues(s: Scene, count: number): Promise<SignedInBody[]> {
  const all = [];
  for (let i = 0; i < count; i++) all.push(await s.client.login(await newAccount(s)));
  return all;
}

const refresh = ({ client }: Scene, refreshToken?: string) =>
  client.send('POST', '/auth/refresh', refreshToken === undefined ? {} : { body: { refreshToken } });

async function times<T>(count: number, call: (index: number) => Promise<T>): Promise<T[]> {
  const all = [];
  for (let i = 0; i < count; i++) all.push(await call(i));
  return all;
}

describe('many people behind one address', () => {
  test('fourteen refresh in a minute', () =>
    office(async (s) => {
      const people = await colleagues(s, 14);
      s.time.forward(MINUTE);
      const answers = await times(14, (i) => refresh(s, people[i]?.refreshToken));
      assert.deepEqual(tally(answers), { '200': 14 });
    }));

  test('one session refreshes 30 times a minute; the others are not touched by that', () =>
    office(async (s) => {
      const [one, other] = await colleagues(s, 2);
      assert.ok(one && other);
      let token = one.refreshToken;
      for (let i = 0; i < 30; i++) token = ok<SignedInBody>(await refresh(s, token), 200).refreshToken;
      const answer = await refresh(s, token);
      refused(answer, 429, 'rate_limited');
      assert.equal(answer.headers['x-ratelimit-limit'], undefined, 'it is not the client that is counted');
      ok(await refresh(s, other.refreshToken), 200);
    }));

  test('visitors without a session cost those who have one nothing, by body or cookie', () =>
    office(async (s) => {
      const person = await newAccount(s);
      const { refreshToken } = await s.client.login(person);
      const asked = { login: person.email, password: person.password };
      const { name, value } = cookieOf(await s.client.send('POST', '/auth/login', { body: asked }));
      const headers = { cookie: `${name}=${value}`, ...SAME_ORIGIN };
      const visits = await times(700, (i) => (i % 2 ? refresh(s) : refresh(s, 'made up')));
      assert.deepEqual(tally(visits), { '401 refresh_invalid': 600, '429 rate_limited': 100 });
      ok(await refresh(s, refreshToken), 200);
      ok(await s.client.send('POST', '/auth/refresh', { headers }), 200);
      // A page of another site cannot use up what the session may.
      const foreign = { cookie: `${name}=${value}`, origin: 'https://evil.example' };
      refused(await s.client.send('POST', '/auth/refresh', { headers: foreign }), 403, 'origin_refused');
    }));

  test('an administrator reads 120 pages in a minute, while somebody at the same address guesses tokens', () =>
    office(async (s) => {
      const root = somebody();
      await s.app.setup.createUser(SYSTEM_CALLER, { ...root, superadmin: true });
      const { accessToken: token } = await s.client.login(root);
      const guesses = await times(150, () => s.client.send('GET', '/users/me', { token: `${token.slice(0, -4)}AAAA` }));
      assert.equal(tally(guesses)['401 unauthenticated'], 99, 'and one for the sign-in');
      assert.deepEqual(tally(await times(120, () => s.client.send('GET', '/admin/roles', { token }))), { '200': 120 });
    }));

  test('whose access tokens ran out in the night are told so, and refresh', () =>
    office(async (s) => {
      const people = await colleagues(s, 14);
      s.time.forward(12 * HOUR);
      for (const { accessToken: token, refreshToken } of people) {
        const answers = await times(10, () => s.client.send('GET', '/users/me', { token }));
        assert.deepEqual(tally(answers), { '401 unauthenticated': 10 });
        ok(await refresh(s, refreshToken), 200);
      }
    }));

  test('all of them sign out within a minute', () =>
    office(async (s) => {
      const people = await colleagues(s, 25);
      const answers = await times(25, (i) => {
        const { accessToken: token, refreshToken } = people[i] ?? assert.fail();
        return s.client.send('POST', '/auth/logout', i % 2 ? { token } : { body: { refreshToken } });
      });
      assert.deepEqual(tally(answers), { '204': 25 });
      const strangers = await times(21, () => s.client.send('POST', '/auth/logout'));
      assert.deepEqual(tally(strangers), { '401 unauthenticated': 20, '429 rate_limited': 1 });
    }));
});
