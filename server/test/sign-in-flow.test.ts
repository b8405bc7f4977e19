import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { UserRecord } from '../src/modules/users/user-store.ts';
import { DAY, MINUTE, SECOND } from '../src/platform/clock.ts';
import { codeIn, ok, type Person, type SignedInBody } from './client.ts';
import { testDatabases } from './databases.ts';
import { makeEvent, makeUser } from './fixtures.ts';
import { LIMITED } from './guessers.ts';
import { atOnce, openScene, type Problem, refused, type Scene, somebody, tally, withScene } from './scenario.ts';

const CALLERS = 50;
const NEW_PASSWORD = 'feeds the cat at eight';

async function insertUser(s: Scene, fields: Partial<UserRecord>): Promise<Person & { id: string }> {
  const { email, password } = somebody();
  const passwordHash = await s.app.hasher.hash(password);
  const user = makeUser({
    email,
    emailNorm: email,
    emailChange: null,
    passwordHash,
    mustChangePassword: false,
    ...fields,
  });
  await s.app.storage.users.insert(user, makeEvent(`user:${user.id}`, { userId: user.id, pending: false }));
  return { id: user.id, email, password };
}

/** Whatever the account needs: an administrator has changed its address, or chosen its password. */
async function unverify(s: Scene, id: string): Promise<void> {
  const user = (await s.app.storage.users.find(id)) ?? assert.fail();
  const at = { id, version: user.version, now: s.time.now };
  const result = await s.app.storage.users.patchProfile(
    at,
    { emailVerified: false },
    makeEvent(`user:${id}`, { userId: id, pending: false, evicts: true }),
  );
  assert.equal(result, 'ok');
}

type Waiting = Problem & {
  flowToken: string;
  expiresIn: number;
  methods: string[];
  resendAfter?: number;
  hint?: object;
};

async function step(s: Scene, { email, password }: Person): Promise<Waiting> {
  const body = { login: email, password, tokenTransport: 'body' };
  return refused(await s.client.send('POST', '/auth/login', { body }), 403, 'step_required') as Waiting;
}

const complete = (s: Scene, body: object) =>
  s.client.send('POST', '/auth/complete-step', { body: { tokenTransport: 'body', ...body } });
const flow = (s: Scene, flowToken: string) => s.client.send('POST', '/auth/flow', { body: { flowToken } });
const mail = (s: Scene, flowToken: string) =>
  s.client.send('POST', '/auth/flow/options', { body: { flowToken, method: 'email' } });
/** Of all mails with a code, the newest first. */
async function codesOf(s: Scene, address: string): Promise<string[]> {
  const mails = await s.mailsTo(address);
  return mails.filter(({ text }) => /^\s*\d{6}\s*$/m.test(text)).map(({ text }) => codeIn(text));
}
const wrongOf = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

describe('a sign-in that waits', () => {
  test('the step says where to look and for how long; a reloaded page is told the same', () =>
    withScene(async (s) => {
      const person = await insertUser(s, { emailVerified: false });
      const { flowToken, step: name, ...told } = await step(s, person);
      assert.equal(name, 'verify_email');
      const hint = { email: `p…${person.email.slice(person.email.indexOf('@'))}` };
      const { expiresIn, methods, resendAfter } = told;
      assert.deepEqual(
        { expiresIn, methods, resendAfter, hint: told.hint },
        {
          expiresIn: 600,
          methods: ['email'],
          resendAfter: 60,
          hint,
        },
      );
      s.time.forward(45 * SECOND);
      assert.deepEqual(ok(await flow(s, flowToken), 200), {
        step: 'verify_email',
        methods: ['email'],
        expiresIn: 555,
        hint,
        resendAfter: 15,
      });
      const other = await insertUser(s, { mustChangePassword: true });
      const waiting = await step(s, other);
      assert.deepEqual(ok(await flow(s, waiting.flowToken), 200), {
        step: 'change_password',
        methods: ['password'],
        expiresIn: 600,
      });
    }));

  test('its code is mailed again after a minute: the same one, which stays good; not for a step without mail', () =>
    withScene(async (s) => {
      const person = await insertUser(s, { emailVerified: false });
      const { flowToken } = await step(s, person);
      refused(await mail(s, flowToken), 429, 'rate_limited');
      s.time.forward(MINUTE);
      const view = ok<Waiting>(await mail(s, flowToken), 202);
      assert.equal(view.resendAfter, 60);
      const codes = await codesOf(s, person.email);
      assert.equal(codes.length, 2);
      assert.equal(codes[0], codes[1]);
      s.time.forward(MINUTE);
      ok(await complete(s, { flowToken, code: codes[0] }), 200);
      refused(await mail(s, flowToken), 400, 'token_invalid');
      const other = await step(s, await insertUser(s, { mustChangePassword: true }));
      refused(await mail(s, other.flowToken), 400, 'validation_failed');
    }));

  test('a code that was tried too often is not mailed again: there is a new one', () =>
    withScene(async (s) => {
      const person = await insertUser(s, { emailVerified: false });
      const { flowToken } = await step(s, person);
      const [first = ''] = await codesOf(s, person.email);
      for (let tries = 0; tries < 5; tries++) {
        refused(await complete(s, { flowToken, code: wrongOf(first) }), 400, 'code_invalid');
      }
      refused(await complete(s, { flowToken, code: first }), 400, 'code_invalid');
      s.time.forward(MINUTE);
      ok(await mail(s, flowToken), 202);
      const codes = await codesOf(s, person.email);
      const fresh = codes.find((code) => code !== first) ?? assert.fail('the spent code was mailed again');
      ok(await complete(s, { flowToken, code: fresh }), 200);
    }));

  test('wrong codes count for the account: neither a new flow nor a new code nor another address gives more', () =>
    withScene(
      async (s) => {
        const person = await insertUser(s, { emailVerified: false });
        const from = (n: number) => ({ 'x-forwarded-for': `198.51.100.${n}` });
        const statuses: number[] = [];
        let known: string | undefined;
        for (let n = 1; n <= 8; n++) {
          const body = {
            login: person.email,
            password: person.password,
            tokenTransport: 'body',
            ...(known && { deviceToken: known }),
          };
          const asked = await s.client.send('POST', '/auth/login', { body, headers: from(n) });
          const { flowToken } = refused(asked, 403, 'step_required');
          const [code = ''] = await codesOf(s, person.email);
          const answer = await s.client.send('POST', '/auth/complete-step', {
            body: { flowToken, code: wrongOf(code) },
            headers: from(n + 100),
          });
          statuses.push(answer.statusCode);
        }
        assert.deepEqual(statuses, [400, 400, 400, 400, 400, 429, 429, 429]);
        s.time.forward(3 * MINUTE);
        const { flowToken } = await step(s, person);
        s.time.forward(MINUTE);
        ok(await mail(s, flowToken), 202);
        const [code = ''] = await codesOf(s, person.email);
        ok(await complete(s, { flowToken, code }), 200);
      },
      { env: LIMITED },
    ));

  test('a code that arrives late makes no password fresher than it is', () =>
    withScene(async (s) => {
      const person = await insertUser(s, { emailVerified: false });
      const { flowToken } = await step(s, person);
      const [code = ''] = await codesOf(s, person.email);
      s.time.forward(9 * MINUTE);
      const { accessToken: token } = ok<SignedInBody>(await complete(s, { flowToken, code }), 200);
      s.time.forward(2 * MINUTE);
      const asked = await s.client.send('POST', '/users/me/email', { token, body: { newEmail: 'x@example.com' } });
      refused(asked, 401, 'reauth_required');
    }));

  test('it is void once all sessions of the account were ended', () =>
    withScene(async (s) => {
      const person = await insertUser(s, { emailVerified: false });
      const { flowToken } = await step(s, person);
      const [code = ''] = await codesOf(s, person.email);
      const { users } = s.app.storage;
      const user = (await users.find(person.id)) ?? assert.fail();
      const ended = { sessionEpoch: user.sessionEpoch + 1, keptSessionId: null };
      const at = { id: user.id, version: user.version, now: s.time.now };
      assert.equal(await users.endSessions(at, ended, makeEvent(`user:${user.id}`, { pending: false })), 'ok');
      refused(await flow(s, flowToken), 400, 'token_invalid');
      refused(await mail(s, flowToken), 400, 'token_invalid');
      refused(await complete(s, { flowToken, code }), 400, 'token_invalid');
    }));

  test('no step extends it, and none is jumped over', () =>
    withScene(async (s) => {
      const person = await insertUser(s, { emailVerified: false, mustChangePassword: true });
      const first = await step(s, person);
      assert.equal(first.step, 'verify_email');
      refused(await complete(s, { flowToken: first.flowToken, newPassword: NEW_PASSWORD }), 400, 'validation_failed');
      s.time.forward(6 * MINUTE);
      const [code = ''] = await codesOf(s, person.email);
      const next = refused(await complete(s, { flowToken: first.flowToken, code }), 403, 'step_required') as Waiting;
      assert.deepEqual([next.step, next.expiresIn], ['change_password', 240]);
      s.time.forward(4 * MINUTE);
      refused(await complete(s, { flowToken: next.flowToken, newPassword: NEW_PASSWORD }), 400, 'token_invalid');
    }));

  test('where the step was done elsewhere meanwhile, the flow is through; and it serves once', () =>
    withScene(async (s) => {
      const person = await insertUser(s, { emailVerified: false });
      const [one, other] = [await step(s, person), await step(s, person)];
      const [code = ''] = await codesOf(s, person.email);
      const first = ok<SignedInBody>(await complete(s, { flowToken: one.flowToken, code }), 200);
      const second = ok<SignedInBody>(await complete(s, { flowToken: other.flowToken }), 200);
      assert.notEqual(first.session.id, second.session.id);
      for (const { flowToken } of [one, other]) refused(await complete(s, { flowToken }), 400, 'token_invalid');
    }));
});

describe('a session that may not go on without a step', () => {
  const refresh = (s: Scene, refreshToken: string) =>
    s.client.send('POST', '/auth/refresh', { body: { refreshToken } });

  test('verify_email: session and token stay, nothing is mailed unasked, the same session goes on', () =>
    withScene(async (s) => {
      const person = somebody();
      const { refreshToken, session, user } = await s.client.register(person);
      await unverify(s, user.id);
      const before = (await s.mailsTo(person.email)).length;
      const waiting = refused(await refresh(s, refreshToken), 403, 'step_required') as Waiting;
      assert.equal(waiting.step, 'verify_email');
      refused(await refresh(s, refreshToken), 403, 'step_required');
      assert.equal((await s.mailsTo(person.email)).length, before);
      ok(await mail(s, waiting.flowToken), 202);
      const [code = ''] = await codesOf(s, person.email);
      const { authTime } = (await s.app.storage.sessions.find(session.id)) ?? assert.fail();
      s.time.forward(MINUTE);
      const answer = ok<SignedInBody>(await complete(s, { flowToken: waiting.flowToken, code }), 200);
      assert.equal(answer.session.id, session.id);
      assert.equal(answer.refreshToken, undefined);
      ok(await s.client.send('GET', '/users/me', { token: answer.accessToken }), 200);
      const elevated = (await s.app.storage.sessions.find(session.id)) ?? assert.fail();
      // Mail can reset the password: its code makes no sign-in fresh.
      assert.deepEqual(elevated.authTime, authTime);
      assert.deepEqual(
        elevated.methods.map(({ method, at }) => [method, at]),
        [['email', s.time.now]],
      );
      const next = ok<SignedInBody>(await refresh(s, refreshToken), 200);
      assert.equal(next.session.id, session.id);
    }));

  test('a flow whose step was done elsewhere gives nothing without a proof, and none outlives a rotation', () =>
    withScene(async (s) => {
      const person = somebody();
      const { refreshToken, session, user } = await s.client.register(person);
      await unverify(s, user.id);
      const theirs = refused(await refresh(s, refreshToken), 403, 'step_required') as Waiting;
      const own = refused(await refresh(s, refreshToken), 403, 'step_required') as Waiting;
      ok(await mail(s, own.flowToken), 202);
      const [code = ''] = await codesOf(s, person.email);
      const done = ok<SignedInBody>(await complete(s, { flowToken: own.flowToken, code }), 200);
      assert.equal(done.deviceToken, undefined, 'each device may try passwords at a pace of its own');
      refused(await complete(s, { flowToken: theirs.flowToken }), 400, 'token_invalid');
      const { version } = (await s.app.storage.sessions.find(session.id)) ?? assert.fail();
      ok(await refresh(s, refreshToken), 200);
      await unverify(s, user.id);
      s.time.forward(MINUTE);
      ok(await mail(s, theirs.flowToken), 202);
      const [again = ''] = await codesOf(s, person.email);
      refused(await complete(s, { flowToken: theirs.flowToken, code: again }), 401, 'unauthenticated');
      assert.equal((await s.app.storage.sessions.find(session.id))?.version, version + 1, 'the rotation, and no more');
    }));

  test('proving the password again does not go round the step, and counts once that is done', () =>
    withScene(async (s) => {
      const person = somebody();
      const { accessToken: token, user } = await s.client.register(person);
      const change = (accessToken: string) =>
        s.client.send('POST', '/users/me/email', { token: accessToken, body: { newEmail: 'x@example.com' } });
      s.time.forward(11 * MINUTE);
      refused(await change(token), 401, 'reauth_required');
      await unverify(s, user.id);
      const body = { password: person.password };
      const asked = await s.client.send('POST', '/auth/reauthenticate', { token, body });
      const { flowToken } = refused(asked, 403, 'step_required') as Waiting;
      refused(await change(token), 401, 'reauth_required');
      ok(await mail(s, flowToken), 202);
      const [code = ''] = await codesOf(s, person.email);
      const { accessToken } = ok<SignedInBody>(await complete(s, { flowToken, code }), 200);
      ok(await change(accessToken), 202);
    }));

  test('an answer that was lost is given again before the step is asked for', () =>
    withScene(async (s) => {
      const { refreshToken, user } = await s.client.register(somebody());
      const lost = ok<SignedInBody>(await refresh(s, refreshToken), 200);
      await unverify(s, user.id);
      const again = ok<SignedInBody>(await refresh(s, refreshToken), 200);
      assert.equal(again.refreshToken, lost.refreshToken);
      refused(await refresh(s, again.refreshToken), 403, 'step_required');
    }));

  test('a lost answer is no way round the step, however late; after the step it is given again', () =>
    withScene(async (s) => {
      const person = somebody();
      const { refreshToken, user } = await s.client.register(person);
      const lost = ok<SignedInBody>(await refresh(s, refreshToken), 200);
      await unverify(s, user.id);
      s.time.forward(DAY);
      const { flowToken } = refused(await refresh(s, refreshToken), 403, 'step_required') as Waiting;
      ok(await mail(s, flowToken), 202);
      const [code = ''] = await codesOf(s, person.email);
      const { accessToken: token } = ok<SignedInBody>(await complete(s, { flowToken, code }), 200);
      ok(await s.client.send('GET', '/users/me', { token }), 200);
      s.time.forward(MINUTE);
      const again = ok<SignedInBody>(await refresh(s, refreshToken), 200);
      assert.equal(again.refreshToken, lost.refreshToken);
      ok(await refresh(s, again.refreshToken), 200);
    }));

  test('who is asked for a step has the present token: its predecessor then ends the session', () =>
    withScene(async (s) => {
      const { refreshToken, user } = await s.client.register(somebody());
      const second = ok<SignedInBody>(await refresh(s, refreshToken), 200);
      await unverify(s, user.id);
      s.time.forward(DAY);
      refused(await refresh(s, second.refreshToken), 403, 'step_required');
      refused(await refresh(s, refreshToken), 401, 'refresh_invalid');
      refused(await refresh(s, second.refreshToken), 401, 'refresh_invalid');
    }));

  test('the code of another address is none for the account’s own', () =>
    withScene(async (s) => {
      const person = somebody();
      const other = somebody();
      const { accessToken: token, refreshToken, user } = await s.client.register(person);
      ok(await s.client.send('POST', '/users/me/email', { token, body: { newEmail: other.email } }), 202);
      const [code = ''] = await codesOf(s, other.email);
      await unverify(s, user.id);
      const { flowToken } = refused(await refresh(s, refreshToken), 403, 'step_required') as Waiting;
      refused(await complete(s, { flowToken, code }), 400, 'code_invalid');
      assert.equal((await s.app.storage.users.find(user.id))?.email, person.email);
    }));

  test('a session that was ended meanwhile is not brought back by the step', () =>
    withScene(async (s) => {
      const person = somebody();
      const { accessToken, refreshToken, user } = await s.client.register(person);
      await unverify(s, user.id);
      const { flowToken } = refused(await refresh(s, refreshToken), 403, 'step_required') as Waiting;
      ok(await mail(s, flowToken), 202);
      const [code = ''] = await codesOf(s, person.email);
      ok(await s.client.send('POST', '/auth/logout', { token: accessToken }), 204);
      const answer = await complete(s, { flowToken, code });
      assert.ok([400, 401].includes(answer.statusCode), answer.body);
      refused(await refresh(s, refreshToken), 401, 'refresh_invalid');
    }));
});

for (const { name, freshUrl } of testDatabases()) {
  describe(`one flow, ${CALLERS} callers with its last step, on ${name}`, () => {
    let s: Scene;
    before(async () => {
      s = await openScene({ freshUrl });
    });
    after(() => s.close());

    for (const [step1, fields] of [
      ['verify_email', { emailVerified: false }],
      ['change_password', { mustChangePassword: true }],
    ] as const) {
      test(`${step1}: one session`, async () => {
        const person = await insertUser(s, fields);
        const { flowToken } = await step(s, person);
        const brought =
          step1 === 'verify_email' ? { code: (await codesOf(s, person.email))[0] } : { newPassword: NEW_PASSWORD };
        const answers = await atOnce(CALLERS, () => complete(s, { flowToken, ...brought }));
        const counts = tally(answers);
        assert.equal(counts[200], 1, JSON.stringify(counts));
        assert.equal((await s.app.storage.sessions.listLatest(person.id, 100)).length, 1);
      });
    }
  });
}
