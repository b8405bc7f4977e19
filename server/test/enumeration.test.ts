import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import { MINUTE } from '../src/platform/clock.ts';
import { admin } from './administration.ts';
import { ok } from './client.ts';
import { testDatabases } from './databases.ts';
import { makeEvent } from './fixtures.ts';
import { LIMITED, newAccount, newAddress } from './guessers.ts';
import { createWorld } from './matrix/world.ts';
import { somebody, withScene } from './scenario.ts';
import { type WatchedScene, withWatchedScene } from './watched-app.ts';

/** What may differ from one answer to the next in header fields: by value, never by length. */
const RANDOM_FIELDS = new Set(['x-request-id', 'date', 'set-cookie']);
const RANDOM_MEMBERS = new Set(['requestId', 'registrationId', 'flowToken']);

interface Shape {
  status: number;
  /** In their order. */
  headers: [name: string, value: string | number][];
  body: [member: string, value: unknown][];
  statements: number;
  hashes: number;
}

function shapeOf(answer: LightMyRequestResponse): Pick<Shape, 'status' | 'headers' | 'body'> {
  const headers = Object.entries(answer.headers).map(([name, value]): [string, string | number] => {
    const text = String(value);
    return [name, RANDOM_FIELDS.has(name) ? text.length : text];
  });
  const body = Object.entries(answer.json<Record<string, unknown>>()).map(([member, value]): [string, unknown] => [
    member,
    RANDOM_MEMBERS.has(member) ? String(value).length : value,
  ]);
  return { status: answer.statusCode, headers, body };
}

for (const { name, freshUrl } of testDatabases()) {
  test(`no state of an account shows to strangers: answers, statements, hashes (${name})`, () =>
    withWatchedScene(
      async (s) => {
        const people = await peopleOf(s);
        const password = 'not the password';
        const ids: Record<string, string> = {};
        for (const [state, { email }] of Object.entries(people)) {
          const asked = await s.client.send('POST', '/auth/register', { body: { email, password } });
          ids[email] = ok<{ registrationId: string }>(asked, 202).registrationId;
          assert.ok(ids[email], state);
        }
        await s.work();
        s.time.forward(2 * MINUTE);
        // What goes on in the background has statements of its own.
        await s.app.stop();

        /** What a request shows, and how much the database and the hasher had to do before it was answered. */
        async function shape(method: 'GET' | 'POST', path: string, body?: object): Promise<Shape> {
          const lines = s.log.length;
          const { hashes } = s.app.hasher.stats();
          const form = body instanceof URLSearchParams && { 'content-type': 'application/x-www-form-urlencoded' };
          const sent = form ? { body: String(body), headers: form } : { body };
          const answer = await s.client.send(method, path, body && sent);
          const requestId = String(answer.headers['x-request-id']);
          const until = s.log.findIndex((line, index) => index >= lines && line.includes(requestId));
          const statements = s.log.slice(lines, until < 0 ? undefined : until).filter(isStatement).length;
          return { ...shapeOf(answer), statements, hashes: s.app.hasher.stats().hashes - hashes };
        }

        async function allAlike(what: string, ask: (email: string, username: string) => Promise<Shape>) {
          const shapes: Record<string, Shape> = {};
          for (const [state, { email, username }] of Object.entries(people)) shapes[state] = await ask(email, username);
          const { unknown } = shapes;
          assert.ok(unknown && unknown.statements >= 0);
          for (const [state, seen] of Object.entries(shapes)) assert.deepEqual(seen, unknown, `${what}: ${state}`);
          return unknown;
        }

        const byEmail = await allAlike('login by address', (login) =>
          shape('POST', '/auth/login', { login, password }),
        );
        assert.deepEqual([byEmail.status, byEmail.hashes], [401, 1]);
        const byName = await allAlike('login by name', (_, login) => shape('POST', '/auth/login', { login, password }));
        assert.deepEqual(byName, byEmail);
        const byForm = await allAlike('login by form', (username) =>
          shape('POST', '/auth/login', new URLSearchParams({ username, password })),
        );
        assert.deepEqual([byForm.status, byForm.hashes], [401, 1]);
        const byOAuth = await allAlike('OAuth2 form', (_, username) =>
          shape('POST', '/auth/token', new URLSearchParams({ grant_type: 'password', username, password })),
        );
        assert.deepEqual([byOAuth.status, byOAuth.hashes], [401, 1]);
        const reset = await allAlike('reset', (email) => shape('POST', '/auth/request-password-reset', { email }));
        assert.deepEqual([reset.status, reset.hashes], [202, 0]);
        const register = await allAlike('register', (email) => shape('POST', '/auth/register', { email, password }));
        assert.deepEqual([register.status, register.hashes], [202, 1]);
        const flows: Record<string, string> = {};
        const code = await allAlike('code by mail', (email) => shape('POST', '/auth/email-code', { email }));
        assert.deepEqual([code.status, code.hashes], [202, 0]);
        s.time.forward(2 * MINUTE);
        for (const { email } of Object.values(people)) {
          const asked = await s.client.send('POST', '/auth/email-code', { body: { email } });
          flows[email] = ok<{ flowToken: string }>(asked, 202).flowToken;
        }
        const signIn = (proof: object) => (email: string) =>
          shape('POST', '/auth/email-code/verify', { flowToken: flows[email], ...proof });
        assert.equal((await allAlike('a wrong code', signIn({ code: '00000000' }))).status, 400);
        assert.equal((await allAlike('a wrong link', signIn({ token: 'A'.repeat(64) }))).status, 400);
        await allAlike('public profile', (_, username) => shape('GET', `/users/by-name/${username}`));

        await allAlike('resend', (email) => shape('POST', '/auth/resend-verification', { registrationId: ids[email] }));
        const verify = (email: string) =>
          shape('POST', '/auth/verify-email', { registrationId: ids[email], code: '000000', username: 'some-name' });
        await allAlike('verify', verify);
        if (s.database.kind === 'sql') assert.ok(byEmail.statements >= 1, 'statements are counted');
      },
      { freshUrl, env: { EMAIL_SIGN_IN: 'link' } },
    ));
}

test('nor do the limits: the same requests, until they are refused, from one client and from many', () =>
  withScene(
    async (s) => {
      const password = 'not the password';
      const [known, deleted] = [await newAccount(s), await newAccount(s)];
      const { version } = (await s.app.storage.users.find(deleted.id)) ?? assert.fail();
      const event = makeEvent(`user:${deleted.id}`, { pending: false });
      const at = { id: deleted.id, version, now: s.time.now };
      assert.equal(await s.app.storage.users.softDelete(at, { sessionEpoch: 1, grantEpoch: 1 }, event), 'ok');

      /** Counters go by a clock of their own, which says how much of the client's minute is left: it may have moved on a little. */
      const timeless = ([name, value]: Shape['headers'][number]) => {
        if (name === 'retry-after') return [name, Math.ceil(Number(value) / 10) * 10] as const;
        return [name, /ratelimit(?:-reset)?$/.test(name) ? typeof value : value] as const;
      };

      async function sequence(path: string, body: object) {
        const seen: object[] = [];
        const ownAddress = newAddress();
        for (const oneClient of [true, false]) {
          for (let tries = 0; tries < 7; tries++) {
            const headers = { 'x-forwarded-for': oneClient ? ownAddress : newAddress() };
            const {
              status,
              headers: shown,
              body: said,
            } = shapeOf(await s.client.send('POST', path, { body, headers }));
            seen.push({ status, shown: shown.map(timeless), said });
          }
          s.time.forward(61 * MINUTE);
        }
        return seen;
      }

      for (const [path, bodyOf] of [
        ['/auth/request-password-reset', ({ email }) => ({ email })],
        ['/auth/register', ({ email }) => ({ email, password })],
        ['/auth/login', ({ email: login }) => ({ login, password })],
        ['/auth/email-code', ({ email }) => ({ email })],
      ] as [string, (person: { email: string }) => object][]) {
        const ofNobody = await sequence(path, bodyOf(somebody()));
        assert.ok(JSON.stringify(ofNobody).includes('rate_limited'), `${path} is limited`);
        assert.deepEqual(await sequence(path, bodyOf(known)), ofNobody, path);
        assert.deepEqual(await sequence(path, bodyOf(deleted)), ofNobody, path);
      }
    },
    { env: { ...LIMITED, EMAIL_SIGN_IN: 'link' } },
  ));

const isStatement = (line: string) => /"(?:sql|command)":/.test(line);

/** One person in each state that an account can be in. */
async function peopleOf(s: WatchedScene): Promise<Record<string, { email: string; username: string }>> {
  const w = await createWorld(s);
  const made = async () => {
    const person = somebody();
    const { user } = await s.client.register(person);
    return { ...person, id: user.id };
  };
  const [active, disabled, deleted, temporary] = [await made(), await made(), await made(), await made()];
  ok(await admin(w, 'POST', `/users/${disabled.id}/deactivate`), 200);
  ok(await admin(w, 'DELETE', `/users/${deleted.id}`), 204);
  ok(
    await admin(w, 'POST', `/users/${temporary.id}/temporary-password`, {
      temporaryPassword: 'feeds the cat at eight',
    }),
    204,
  );
  const invited = somebody();
  ok(await admin(w, 'POST', '/users', { email: invited.email, username: invited.username }), 201);
  const waiting = somebody();
  ok(await s.client.send('POST', '/auth/register', { body: waiting }), 202);
  await s.work();
  // No burst of registrations is in the way of the next.
  s.time.forward(61 * MINUTE);
  return { unknown: somebody(), active, disabled, deleted, temporary, invited, waiting };
}
