import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { HOUR, MINUTE, SECOND } from '../src/platform/clock.ts';
import { codeIn, ok, type SignedInBody, tokenIn } from './client.ts';
import { testDatabases } from './databases.ts';
import { atOnce, type Problem, refused, somebody, tally, withScene } from './scenario.ts';
import { everything, rowCounts, type WatchedScene, withWatchedScene } from './watched-app.ts';

/** What an answer may differ in: the moment, and what is random. */
const VARYING = new Set(['requestId', 'registrationId']);

/** Later than anything expires. */
const END_OF_TIME = new Date('2200-01-01T00:00:00.000Z');

interface Effort {
  status: number;
  body: Record<string, unknown>;
  members: string[];
  headers: string[];
  hashes: number;
  rows: Record<string, number>;
}

for (const { name, freshUrl } of testDatabases()) {
  const onDatabase = (run: (s: WatchedScene) => Promise<void>, env = {}) => withWatchedScene(run, { freshUrl, env });

  test(`parity 5: known and unknown accounts cost the same and look the same (${name})`, () =>
    onDatabase(async (s) => {
      const known = somebody();
      await s.client.register(known);
      const waiting = somebody();
      ok(await s.client.send('POST', '/auth/register', { body: waiting }), 202);
      s.time.forward(2 * MINUTE);
      await s.work();

      /** What a request shows and what it costs, once everything that follows from it is done. */
      async function effort(path: string, body: object): Promise<Effort> {
        // What an address was mailed lately counts, whether or not it has an account: here, each was mailed nothing.
        await s.app.storage.throttles.purge(END_OF_TIME, 1000);
        const before = await rowCounts(s.database);
        const hashesBefore = s.app.hasher.stats().hashes;
        const answer = await s.client.send('POST', path, { body });
        const hashes = s.app.hasher.stats().hashes - hashesBefore;
        await s.work();
        const after = await rowCounts(s.database);
        const rows: Record<string, number> = {};
        for (const table of new Set([...Object.keys(before), ...Object.keys(after)])) {
          const more = (after[table] ?? 0) - (before[table] ?? 0);
          if (more !== 0) rows[table] = more;
        }
        const fields = Object.entries(answer.json<Record<string, unknown>>());
        return {
          status: answer.statusCode,
          body: Object.fromEntries(fields.filter(([member]) => !VARYING.has(member))),
          members: fields.map(([member]) => member),
          headers: Object.keys(answer.headers).sort(),
          hashes,
          rows,
        };
      }

      const password = 'not the password';
      const logins: Effort[] = [];
      for (const login of [known.email, known.username, 'nobody@example.com', 'nobody', waiting.email]) {
        logins.push(await effort('/auth/login', { login, password }));
      }
      for (const other of logins) assert.deepEqual(other, logins[0]);
      assert.equal(logins[0]?.status, 401);
      assert.equal(logins[0]?.hashes, 1);
      assert.deepEqual(logins[0]?.rows, {});

      const stranger = somebody();
      const knownTaken = await effort('/auth/register', { email: known.email, password });
      const knownMails = (await s.mailsTo(known.email)).length;
      const free = await effort('/auth/register', { email: stranger.email, password });
      assert.deepEqual(knownTaken, free);
      assert.equal(free.status, 202);
      assert.equal(free.hashes, 1);
      assert.equal(free.rows.registrations, 1);
      assert.equal((await s.mailsTo(stranger.email)).length, 1);

      // Signing in with what was just given tells nothing either.
      const afterKnown = await effort('/auth/login', { login: known.email, password });
      const afterFree = await effort('/auth/login', { login: stranger.email, password });
      assert.deepEqual(afterKnown, afterFree);
      assert.deepEqual(afterKnown, logins[0]);

      const ids: string[] = [];
      for (const email of [known.email, 'nobody.else@example.com']) {
        const asked = await s.client.send('POST', '/auth/register', { body: { email, password } });
        ids.push(ok<{ registrationId: string }>(asked, 202).registrationId);
      }
      await s.work();
      s.time.forward(2 * MINUTE);
      const resent: Effort[] = [];
      for (const registrationId of ids) resent.push(await effort('/auth/resend-verification', { registrationId }));
      assert.deepEqual(resent[0], resent[1]);
      assert.equal(resent[0]?.status, 202);
      assert.equal((await s.mailsTo('nobody.else@example.com')).length, 2);
      assert.equal((await s.mailsTo(known.email)).length, knownMails + 2, 'its owner is mailed as often');

      const reset = await effort('/auth/request-password-reset', { email: known.email });
      for (const email of ['nobody@example.com', waiting.email]) {
        assert.deepEqual(await effort('/auth/request-password-reset', { email }), reset);
      }
      assert.equal(reset.status, 202);
      assert.equal(reset.hashes, 0);
    }));

  test(`parity 6: no more than five tries are compared, however many come at once (${name})`, () =>
    withScene(
      async (s) => {
        for (let round = 0; round < 3; round++) {
          const person = somebody();
          const asked = await s.client.send('POST', '/auth/register', { body: person });
          const { registrationId } = ok<{ registrationId: string }>(asked, 202);
          const code = codeIn((await s.mailsTo(person.email))[0]?.text);
          const guess = (index: number) => String((Number(code) + 1 + index) % 1_000_000).padStart(6, '0');
          const answers = await atOnce(50, (index) =>
            s.client.send('POST', '/auth/verify-email', { body: { registrationId, code: guess(index) } }),
          );
          assert.deepEqual(tally(answers), { '400 code_invalid': 50 });
          assert.equal((await s.app.storage.registrations.find(registrationId))?.tries, 5);
          const right = { registrationId, code };
          refused(await s.client.send('POST', '/auth/verify-email', { body: right }), 400, 'code_invalid');
          assert.equal(await s.app.storage.users.findByEmail(person.email), null);
        }
      },
      { freshUrl },
    ));

  test(`parity 6: the database holds nothing that works as a code or a token (${name})`, () =>
    onDatabase(async (s) => {
      const person = somebody();
      const first = await s.client.register(person);
      const { accessToken: token, refreshToken } = first;
      const other = somebody();
      const asked = await s.client.send('POST', '/auth/register', { body: other });
      ok(asked, 202);
      const code = codeIn((await s.mailsTo(other.email))[0]?.text);
      ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email: person.email } }), 202);
      const reset = tokenIn((await s.mailsTo(person.email)).find(({ text }) => text.includes('#token='))?.text);
      ok(await s.client.send('POST', '/users/me/email', { token, body: { newEmail: 'moved@example.org' } }), 202);
      const change = codeIn((await s.mailsTo('moved@example.org'))[0]?.text);
      const setup = (await s.app.setup.offer()) ?? '';
      const held = JSON.stringify(await everything(s.database), (_, value) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
      );
      assert.ok(held.includes(person.email), 'the dump shows what is there');
      for (const secret of [token, refreshToken, reset, setup]) {
        assert.ok(secret.length > 40);
        assert.ok(!held.includes(secret), 'a token');
        for (const part of secret.split(/[.]/)) if (part.length > 60) assert.ok(!held.includes(part), 'a part of it');
      }
      const values = new Set(held.match(/[\w-]+/g));
      for (const digits of [code, change]) {
        assert.ok(!values.has(digits), 'a code');
        for (const algorithm of ['sha256', 'sha1', 'md5']) {
          for (const encoding of ['hex', 'base64url'] as const) {
            assert.ok(!held.includes(createHash(algorithm).update(digits).digest(encoding)), 'a hash of a code');
          }
        }
      }
    }));

  test(`parity 8: e-mail is unique in its canonical form, a lost race is 409 (${name})`, () =>
    withScene(
      async (s) => {
        const spellings = [
          'Zoe@Example.com',
          'zoe@example.com',
          ' ZOE@EXAMPLE.COM ',
          'ｚoe@example.com',
          'zoe@EXAMPLE.com',
        ];
        const answers = await atOnce(20, (index) => {
          const body = { email: spellings[index % spellings.length], password: 'walks the dog at seven' };
          return s.client.send('POST', '/auth/register', { body });
        });
        assert.deepEqual(tally(answers), { '201': 1, '409 email_taken': 19 });

        const names = await atOnce(20, (index) => {
          const username = index % 2 === 0 ? 'goldfinch' : 'GoldFinch';
          return s.client.send('POST', '/auth/register', { body: somebody({ username }) });
        });
        assert.deepEqual(tally(names), { '201': 1, '409 username_taken': 19 });
      },
      { freshUrl, env: { EMAIL_VERIFICATION: 'off' } },
    ));
}

test('parity 6: a code serves once, expires, and is nothing in another place', () =>
  withScene(async (s) => {
    const { accessToken: token } = await s.client.register(somebody());
    const person = somebody();
    const asked = await s.client.send('POST', '/auth/register', { body: person });
    const { registrationId } = ok<{ registrationId: string }>(asked, 202);
    const code = codeIn((await s.mailsTo(person.email))[0]?.text);
    ok(await s.client.send('POST', '/users/me/email', { token, body: { newEmail: 'moved@example.org' } }), 202);
    const change = codeIn((await s.mailsTo('moved@example.org'))[0]?.text);
    if (code !== change) {
      const crossed = await s.client.send('POST', '/users/me/email/confirm', { token, body: { code } });
      refused(crossed, 400, 'code_invalid');
      const body = { registrationId, code: change };
      refused(await s.client.send('POST', '/auth/verify-email', { body }), 400, 'code_invalid');
    }
    ok(await s.client.send('POST', '/auth/verify-email', { body: { registrationId, code } }), 200);
    refused(await s.client.send('POST', '/auth/verify-email', { body: { registrationId, code } }), 400, 'code_invalid');
    s.time.forward(10 * MINUTE);
    const late = await s.client.send('POST', '/users/me/email/confirm', { token, body: { code: change } });
    refused(late, 400, 'code_invalid');
  }));

test('parity 8: passwords are in no answer and in no line of the log, also when things fail', () =>
  withWatchedScene(async (s) => {
    const bodies: string[] = [];
    const send: typeof s.client.send = async (method, path, options) => {
      const answer = await s.client.send(method, path, options);
      bodies.push(answer.body, JSON.stringify(answer.headers));
      return answer;
    };
    const passwords = [
      'Xk7-first-secret-word',
      'Xk7-second-secret-word',
      'Xk7-third-secret-word',
      'Xk7-wrong-secret-word',
    ];
    const [first = '', second = '', third = '', wrong = ''] = passwords;
    const person = somebody({ password: first });
    await send('POST', '/auth/register', { body: person });
    await send('POST', '/auth/register', { body: { ...person, password: [first] } });
    await send('POST', '/auth/register', { body: { ...person, passwrd: wrong } });
    const raw = { 'content-type': 'application/json' };
    await send('POST', '/auth/register', { body: `{"password":"${wrong}"`, headers: raw });
    await send('POST', '/auth/login', { body: `password=${wrong}`, headers: { 'content-type': 'text/plain' } });
    await send('GET', `/users/by-name/nobody?password=${wrong}`);
    const { accessToken: token } = await s.client.register(somebody({ password: first }));
    await send('POST', '/auth/login', { body: { login: 'nobody', password: wrong } });
    await send('POST', '/auth/login', { body: { login: wrong, password: wrong } });
    await send('POST', '/auth/change-password', { token, body: { currentPassword: wrong, newPassword: second } });
    await send('POST', '/auth/change-password', { token, body: { currentPassword: first, newPassword: second } });
    await send('POST', '/auth/reauthenticate', { token, body: { password: second } });
    await send('POST', '/auth/reset-password', { body: { token: 'x'.repeat(50), newPassword: third } });
    await send('POST', '/setup', { body: { token: 'x'.repeat(50), email: 'a@example.com', password: third } });
    if (s.database.kind === 'sql') {
      const { sql } = await import('kysely');
      await sql`create trigger refuse before insert on registrations begin select raise(abort, 'no'); end`.execute(
        s.database.db,
      );
    }
    const failed = await send('POST', '/auth/register', { body: somebody({ password: third }) });
    assert.ok(failed.statusCode >= 500, failed.body);
    assert.ok(
      s.log.some((line) => line.includes('/auth/register')),
      'requests are logged',
    );
    assert.ok(
      s.log.some((line) => /insert into/i.test(line)),
      'statements are logged',
    );
    const [registration] = Object.values((await everything(s.database)).registrations ?? {});
    const hash = String(registration?.password_hash ?? registration?.passwordHash ?? '$argon2id$');
    for (const secret of [...passwords, hash, '$argon2id$', token]) {
      assert.ok(!s.log.some((line) => line.includes(secret)), `in the log: ${secret}`);
      if (secret !== token) assert.ok(!bodies.some((body) => body.includes(secret)), `in an answer: ${secret}`);
    }
  }));

test('parity 8: 73 bytes and more work, and every byte counts', () =>
  withScene(async (s) => {
    const stem = 'long and winding '.repeat(5).slice(0, 72);
    for (const password of [`${stem}A`, `${stem}${'Ω'.repeat(100)}!`, `${stem}${'y z'.repeat(317)}B`]) {
      const person = somebody({ password });
      await s.client.register(person);
      await s.client.login(person);
      for (const other of [password.slice(0, -1), `${password.slice(0, -1)}C`, stem]) {
        const answer = await s.client.send('POST', '/auth/login', { body: { login: person.email, password: other } });
        refused(answer, 401, 'invalid_credentials');
      }
    }
    const nul = somebody({ password: 'before\u0000after it' });
    await s.client.register(nul);
    const cut = await s.client.send('POST', '/auth/login', { body: { login: nul.email, password: 'before' } });
    assert.ok([400, 401].includes(cut.statusCode));
    await s.client.login(nul);
  }));

test('parity 8: a password is the same in every Unicode form (NFKC)', () =>
  withScene(async (s) => {
    const set = 'Cafe\u0301 o\uFB03ce \uFF21\u2163';
    const person = somebody({ password: set });
    const { accessToken: token } = await s.client.register(person);
    for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'])
      await s.client.login({ ...person, password: set.normalize(form) });
    const other = await s.client.send('POST', '/auth/login', {
      body: { login: person.email, password: set.toLowerCase() },
    });
    refused(other, 401, 'invalid_credentials');
    const body = { currentPassword: set.normalize('NFKC'), newPassword: 'nai\u0308ve \u2460\u2461\u2462' };
    ok(await s.client.send('POST', '/auth/change-password', { token, body }), 204);
    await s.client.login({ ...person, password: 'na\u00EFve 123' });
  }));

test('parity 9: hashing is bounded and off the event loop: a flood gets 503, /health is served meanwhile', () =>
  withScene(
    async (s) => {
      const person = somebody();
      await s.client.register(person);
      const flood = 300;
      let done = false;
      const logins = atOnce(flood, (index) =>
        s.client.send('POST', '/auth/login', { body: { login: `nobody${index}`, password: 'not the password' } }),
      ).finally(() => {
        done = true;
      });
      let mostActive = 0;
      let mostQueued = 0;
      let servedWhileHashing = 0;
      while (!done) {
        const before = s.app.hasher.stats();
        const health = await s.app.http.inject('/health');
        assert.equal(health.statusCode, 200);
        const { active, queued, hashes } = s.app.hasher.stats();
        // The very computation that was on when the request came is still on when it is answered.
        if (active > 0 && hashes === before.hashes) servedWhileHashing += 1;
        mostActive = Math.max(mostActive, active);
        mostQueued = Math.max(mostQueued, queued);
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      const answers = await logins;
      const counts = tally(answers);
      assert.deepEqual(Object.keys(counts).sort(), ['401 invalid_credentials', '503 overloaded']);
      assert.equal(
        Object.values(counts).reduce((sum, count) => sum + count, 0),
        flood,
      );
      const turnedAway = answers.find(({ statusCode }) => statusCode === 503);
      refused(turnedAway ?? assert.fail(), 503, 'overloaded');
      assert.ok(mostActive >= 1 && mostActive <= 4, `${mostActive} at a time`);
      assert.ok(mostQueued >= 1 && mostQueued <= 128 * 4, `${mostQueued} waited`);
      assert.ok(servedWhileHashing > 10, `${servedWhileHashing} times`);
      await s.client.login(person);
    },
    { env: { ARGON2_MEMORY: '19mb', ARGON2_PASSES: '2' }, longestWait: 100 },
  ));

test('parity 13: every error has the one shape', () =>
  withScene(async (s) => {
    const person = somebody({ username: 'goldfinch' });
    const { accessToken: token } = await s.client.register(person);
    const json = { 'content-type': 'application/json' };
    const cases: [number, string, Parameters<typeof s.client.send>][] = [
      [400, 'validation_failed', ['POST', '/auth/login', { body: {} }]],
      [400, 'malformed_body', ['POST', '/auth/login', { body: '{"login":', headers: json }]],
      [400, 'validation_failed', ['POST', '/auth/login', { body: '', headers: json }]],
      [400, 'validation_failed', ['GET', '/users/me/events?page=0', { token }]],
      [400, 'password_common', ['POST', '/auth/register', { body: somebody({ password: 'password123' }) }]],
      [401, 'unauthenticated', ['GET', '/users/me']],
      [401, 'unauthenticated', ['GET', '/users/me', { token: 'x' }]],
      [401, 'invalid_credentials', ['POST', '/auth/login', { body: { login: 'x', password: 'y' } }]],
      [401, 'refresh_invalid', ['POST', '/auth/refresh', { body: { refreshToken: 'x' } }]],
      [403, 'origin_refused', ['POST', '/auth/refresh', { headers: { cookie: 'ostiary=x' } }]],
      [404, 'not_found', ['GET', '/no/such/route']],
      [404, 'not_found', ['GET', '/api/v2/users/me']],
      [404, 'user_not_found', ['GET', '/users/by-name/nobody-here']],
      [405, 'method_not_allowed', ['PUT', '/auth/login', { body: {} }]],
      [405, 'method_not_allowed', ['DELETE', '/auth/refresh']],
      [409, 'username_taken', ['POST', '/auth/register', { body: somebody({ username: 'goldfinch' }) }]],
      [413, 'body_too_large', ['POST', '/auth/login', { body: { login: 'x'.repeat(300_000), password: 'y' } }]],
      [415, 'unsupported_media_type', ['POST', '/auth/login', { body: 'x', headers: { 'content-type': 'text/xml' } }]],
    ];
    const secret = 'Xk7-never-echoed';
    for (const [status, code, [method, path, options]] of cases) {
      const headers = { ...options?.headers, 'x-probe': secret };
      const answer = await s.client.send(method, path, { ...options, headers });
      const problem = refused(answer, status, code);
      assert.ok(!answer.body.includes(secret));
      if (status === 401 && code === 'unauthenticated')
        assert.match(String(answer.headers['www-authenticate']), /^Bearer/);
      if (status === 405) assert.match(String(answer.headers.allow), /[A-Z]/);
      if (code === 'validation_failed') {
        for (const fault of problem.errors ?? assert.fail()) {
          assert.deepEqual(Object.keys(fault).sort(), ['in', 'message', 'path']);
        }
      }
    }
    // Outside the API, too.
    for (const url of ['/nowhere', '/health/nowhere', '/%', '/api/v1/users/%FF']) {
      const answer = await s.app.http.inject(url);
      assert.ok([400, 404].includes(answer.statusCode));
      refused(answer, answer.statusCode, answer.json<Problem>().code);
    }
    s.time.forward(HOUR + SECOND);
    refused(await s.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
  }));

test('parity 13: 429 has it, too', () =>
  withScene(
    async (s) => {
      const statuses = await atOnce(3, () => s.client.send('GET', '/users/by-name/nobody-here'));
      refused(statuses.find(({ statusCode }) => statusCode === 429) ?? assert.fail('no 429'), 429, 'rate_limited');
      ok<SignedInBody | object>(await s.app.http.inject('/health'), 200);
    },
    { env: { RATE_LIMITS: 'on', RATE_LIMIT_DEFAULT: '2/1m' } },
  ));
