import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOUR, MINUTE, SECOND } from '../src/platform/clock.ts';
import { codeIn, ok, type SignedInBody } from './client.ts';
import { cookieOf, refused, type Scene, somebody, withScene } from './scenario.ts';

interface Asked {
  status: string;
  registrationId: string;
  expiresIn: number;
}

async function ask({ client }: Scene, body: object): Promise<Asked> {
  return ok<Asked>(await client.send('POST', '/auth/register', { body }), 202);
}

/** The code in the newest mail to an address. */
const newestCode = async (s: Scene, email: string) => codeIn((await s.mailsTo(email))[0]?.text);

const wrongCode = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

describe('POST /auth/register', () => {
  test('answers 202 with an id and ten minutes, and keeps what was given', () =>
    withScene(async (s) => {
      const person = somebody();
      const more = { fullName: 'Ann Able', phone: '+4915112345678', locale: 'de-CH' };
      const asked = await ask(s, { ...person, ...more });
      assert.deepEqual(Object.keys(asked).sort(), ['expiresIn', 'registrationId', 'status']);
      assert.equal(asked.status, 'verification_required');
      assert.equal(asked.expiresIn, 600);
      assert.match(asked.registrationId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      const body = {
        registrationId: asked.registrationId,
        code: await newestCode(s, person.email),
        tokenTransport: 'body',
      };
      const { user } = ok<SignedInBody>(await s.client.send('POST', '/auth/verify-email', { body }), 200);
      const { email, username, fullName, phone, locale, emailVerified, status } = user;
      assert.deepEqual(
        { email, username, fullName, phone, locale, emailVerified, status },
        { email: person.email, username: person.username, ...more, emailVerified: true, status: 'active' },
      );
      const members =
        'id email emailVerified username fullName phone locale profile profilePublic avatarUrl status roles lastLoginAt createdAt updatedAt version';
      assert.deepEqual(Object.keys(user).sort(), members.split(' ').sort());
    }));

  test('tells all faults of a body at once; the code is that of the first', () =>
    withScene(async (s) => {
      const taken = somebody();
      await s.client.register(taken);
      const faultsOf = async (body: object, code: string) => {
        const answer = refused(
          await s.client.send('POST', '/auth/register', { body }),
          code.endsWith('taken') ? 409 : 400,
          code,
        );
        return answer.errors?.map(({ path }) => path);
      };
      const [email, username, password] = ['nobody', 'a b', 'short'];
      assert.deepEqual(await faultsOf({ email, password }, 'email_invalid'), ['/email', '/password']);
      assert.deepEqual(await faultsOf({ email, username, password }, 'email_invalid'), [
        '/email',
        '/username',
        '/password',
      ]);
      const held = { ...somebody(), username: taken.username };
      assert.deepEqual(await faultsOf({ ...held, password }, 'username_taken'), ['/username', '/password']);
      // The password is compared with what is right of the rest.
      const { email: own } = somebody();
      assert.deepEqual(await faultsOf({ email: own, username, password: own }, 'username_invalid'), [
        '/username',
        '/password',
      ]);
      assert.deepEqual(await faultsOf({ ...somebody(), password }, 'password_too_short'), ['/password']);
    }));

  test('makes no user before the code comes: the password signs nobody in', () =>
    withScene(async (s) => {
      const person = somebody();
      await ask(s, person);
      const body = { login: person.email, password: person.password };
      refused(await s.client.send('POST', '/auth/login', { body }), 401, 'invalid_credentials');
      assert.equal(await s.app.storage.users.findByEmail(person.email), null);
    }));

  test('refuses what does not fit, coerces nothing and echoes nothing', () =>
    withScene(async ({ client }) => {
      const good = somebody();
      const bad: object[] = [
        {},
        { email: good.email },
        { password: good.password },
        { ...good, email: [good.email] },
        { ...good, password: 1234567890123 },
        { ...good, email: null },
        { ...good, role: 'admin' },
        { ...good, roles: ['admin'] },
        { ...good, emailVerified: true },
        { ...good, username: 42 },
        { ...good, fullName: false },
      ];
      for (const body of bad) {
        const answer = await client.send('POST', '/auth/register', { body });
        const problem = refused(answer, 400, 'validation_failed');
        assert.ok(problem.errors && problem.errors.length > 0, answer.body);
        assert.ok(!answer.body.includes(good.email) && !answer.body.includes(good.password), answer.body);
      }
    }));

  test('refuses addresses that no mail can be sent to', () =>
    withScene(async ({ client }) => {
      for (const email of [
        '',
        'nobody',
        '@example.com',
        'a@',
        'a@b@example.com',
        'a b@example.com',
        'a@exa mple.com',
      ]) {
        const answer = await client.send('POST', '/auth/register', { body: { ...somebody(), email } });
        assert.equal(answer.statusCode, 400, `${email}: ${answer.body}`);
      }
    }));

  test('names what is wrong with a password', () =>
    withScene(async ({ client }) => {
      const cases: [string, string][] = [
        ['7 chars', 'password_too_short'],
        ['x'.repeat(1025), 'password_too_long'],
        ['password123', 'password_common'],
        ['Qwertyuiop', 'password_common'],
      ];
      for (const [password, code] of cases) {
        refused(await client.send('POST', '/auth/register', { body: somebody({ password }) }), 400, code);
      }
      const own = {
        email: 'wilhelmina.brontosaurus@example.com',
        username: 'willybronto',
        fullName: 'Wilhelmina Bront',
      };
      for (const password of ['wilhelmina.brontosaurus', 'WillyBronto', 'wilhelmina bront']) {
        const answer = await client.send('POST', '/auth/register', { body: { ...own, password } });
        refused(answer, 400, 'password_context');
      }
    }));

  test('takes 8 and 1,024 characters, of any kind', () =>
    withScene(async (s) => {
      const long = Array.from({ length: 1024 }, (_, i) => String.fromCodePoint(32 + ((i * i + 7 * i) % 90))).join('');
      const passwords = ['ζyx wvu9', long, ' \t q \n\r k\v x ', '🦉🦊🐿️🦔🦇🐝🪲🐌'];
      for (const password of passwords) {
        const person = somebody({ password });
        await s.client.register(person);
        await s.client.login(person);
      }
    }));

  test('409 username_taken for a name and its look-alikes; addresses stay untold', () =>
    withScene(async (s) => {
      const first = somebody({ username: 'paypal' });
      await s.client.register(first);
      for (const username of ['paypal', 'PayPal', 'ＰayＰal', 'pаypаl', 'раураl', 'paypaI']) {
        const answer = await s.client.send('POST', '/auth/register', { body: somebody({ username }) });
        assert.ok([400, 409].includes(answer.statusCode), `${username}: ${answer.body}`);
        if (answer.statusCode === 409) refused(answer, 409, 'username_taken');
        else refused(answer, 400, 'username_invalid');
      }
      for (const username of ['paypal', 'PAYPAL', 'ＰayＰal', 'paypaI']) {
        refused(await s.client.send('POST', '/auth/register', { body: somebody({ username }) }), 409, 'username_taken');
      }
      assert.equal((await ask(s, { email: first.email, password: first.password })).status, 'verification_required');
    }));

  test('usernames have 3 to 32 letters, digits, _, - or ., and never an @', () =>
    withScene(async (s) => {
      for (const username of [
        'ab',
        'x'.repeat(33),
        'a@b.example',
        'with space',
        'semi;colon',
        'smile😀',
        'zero​width',
        '',
      ]) {
        const answer = await s.client.send('POST', '/auth/register', { body: somebody({ username }) });
        assert.equal(answer.statusCode, 400, `${username}: ${answer.body}`);
      }
      for (const username of ['abc', `q${'x'.repeat(31)}`, 'a_b-c.9', 'Zoë', 'юрий', '李小龍']) {
        await ask(s, somebody({ username }));
      }
    }));

  test('several registrations may wait for one address, none reserves anything, one wins', () =>
    withScene(async (s) => {
      const person = somebody();
      const one = await ask(s, person);
      const code = await newestCode(s, person.email);
      s.time.forward(SECOND);
      const other = await ask(s, { ...person, username: `${person.username}x`, password: 'feeds the cat at eight' });
      const otherCode = await newestCode(s, person.email);
      assert.notEqual(one.registrationId, other.registrationId);
      const crossed = { registrationId: one.registrationId, code: otherCode };
      if (code !== otherCode) {
        refused(await s.client.send('POST', '/auth/verify-email', { body: crossed }), 400, 'code_invalid');
      }
      const body = { registrationId: other.registrationId, code: otherCode };
      ok(await s.client.send('POST', '/auth/verify-email', { body }), 200);
      const late = { registrationId: one.registrationId, code };
      refused(await s.client.send('POST', '/auth/verify-email', { body: late }), 409, 'email_taken');
      await s.client.login({ ...person, password: 'feeds the cat at eight' });
    }));

  test('a known address answers alike, and its owner is told by mail, without a code', () =>
    withScene(async (s) => {
      const owner = somebody();
      await s.client.register(owner);
      const before = (await s.mailsTo(owner.email)).length;
      const asked = await ask(s, { email: owner.email.toUpperCase(), password: 'another password entirely' });
      assert.equal(asked.expiresIn, 600);
      const mails = await s.mailsTo(owner.email);
      assert.equal(mails.length, before + 1);
      assert.doesNotMatch(mails[0]?.text ?? '', /^\s*\d{6}\s*$/m);
      const body = { registrationId: asked.registrationId, code: '123456' };
      refused(await s.client.send('POST', '/auth/verify-email', { body }), 400, 'code_invalid');
    }));

  test('the code goes to the address that the account will have, whichever spelling asked for it', () =>
    withScene(async (s) => {
      // Other mailboxes than the canonical form for a mail server, the same account here (NFKC, lower case of U+212A, Punycode's empty prefix).
      for (const [typed, owned] of [
        ['\uff4dike@example.com', 'mike@example.com'],
        ['\u212aate@example.com', 'kate@example.com'],
        ['ann@xn---b7q.example.com', 'ann@xn--b7q.example.com'],
      ] as const) {
        const asked = await ask(s, { email: typed, password: 'walks the dog at seven' });
        assert.deepEqual(await s.mailsTo(typed), []);
        const body = { registrationId: asked.registrationId, code: await newestCode(s, owned), tokenTransport: 'body' };
        const { user } = ok<SignedInBody>(await s.client.send('POST', '/auth/verify-email', { body }), 200);
        assert.equal(user.email, owned);
      }
    }));

  test('REGISTRATION=closed and =invite take nobody', async () => {
    for (const REGISTRATION of ['closed', 'invite']) {
      await withScene(
        async ({ client }) => {
          refused(await client.send('POST', '/auth/register', { body: somebody() }), 403, 'registration_closed');
        },
        { env: { REGISTRATION } },
      );
    }
  });

  test('EMAIL_VERIFICATION=off: 201 signed in at once, 409 email_taken', () =>
    withScene(
      async ({ client }) => {
        const person = somebody();
        const asked = await client.send('POST', '/auth/register', { body: { ...person, tokenTransport: 'body' } });
        const made = asked.statusCode === 400 ? await client.send('POST', '/auth/register', { body: person }) : asked;
        const signedIn = ok<SignedInBody>(made, 201);
        assert.equal(signedIn.user.email, person.email);
        ok(await client.send('GET', '/users/me', { token: signedIn.accessToken }), 200);
        const again = { ...somebody(), email: ` ${person.email.toUpperCase()} ` };
        refused(await client.send('POST', '/auth/register', { body: again }), 409, 'email_taken');
        const named = somebody({ username: person.username });
        refused(await client.send('POST', '/auth/register', { body: named }), 409, 'username_taken');
        const { user } = await client.login(person);
        assert.equal(user.id, signedIn.user.id);
      },
      { env: { EMAIL_VERIFICATION: 'off' } },
    ));
});

describe('POST /auth/verify-email', () => {
  test('signs in by cookie unless the body is asked for', () =>
    withScene(async (s) => {
      const person = somebody();
      const { registrationId } = await ask(s, person);
      const body = { registrationId, code: await newestCode(s, person.email) };
      const answer = await s.client.send('POST', '/auth/verify-email', { body });
      const signedIn = ok<SignedInBody>(answer, 200);
      assert.equal(signedIn.refreshToken, undefined);
      assert.ok(cookieOf(answer).value.length > 40);
      ok(await s.client.send('GET', '/users/me', { token: signedIn.accessToken }), 200);
    }));

  test('code_invalid alike for wrong, used, expired and unknown', () =>
    withScene(async (s) => {
      const bodies: string[] = [];
      const refuse = async (body: object) => {
        const answer = await s.client.send('POST', '/auth/verify-email', { body });
        bodies.push(JSON.stringify({ ...refused(answer, 400, 'code_invalid'), requestId: null }));
      };
      const person = somebody();
      const { registrationId } = await ask(s, person);
      const code = await newestCode(s, person.email);
      await refuse({ registrationId, code: wrongCode(code) });
      ok(await s.client.send('POST', '/auth/verify-email', { body: { registrationId, code } }), 200);
      await refuse({ registrationId, code });
      await refuse({ registrationId: '01890000-0000-7000-8000-000000000000', code });

      const slow = somebody();
      const { registrationId: id } = await ask(s, slow);
      const late = await newestCode(s, slow.email);
      s.time.forward(10 * MINUTE);
      await refuse({ registrationId: id, code: late });
      assert.equal(new Set(bodies).size, 1, bodies.join('\n'));
    }));

  test('the code holds until its last second', () =>
    withScene(async (s) => {
      const person = somebody();
      const { registrationId } = await ask(s, person);
      const code = await newestCode(s, person.email);
      s.time.forward(10 * MINUTE - SECOND);
      ok(await s.client.send('POST', '/auth/verify-email', { body: { registrationId, code } }), 200);
    }));

  test('409 email_taken and username_taken leave the code good for another name', () =>
    withScene(async (s) => {
      const slow = somebody({ username: 'wanted' });
      const quick = somebody({ username: 'wanted' });
      const asked = await ask(s, slow);
      await s.client.register(quick);
      const code = await newestCode(s, slow.email);
      const body = { registrationId: asked.registrationId, code, tokenTransport: 'body' };
      refused(await s.client.send('POST', '/auth/verify-email', { body }), 409, 'username_taken');
      refused(
        await s.client.send('POST', '/auth/verify-email', { body: { ...body, username: 'WANTED' } }),
        409,
        'username_taken',
      );
      const renamed = { ...body, username: 'other-name' };
      const { user } = ok<SignedInBody>(await s.client.send('POST', '/auth/verify-email', { body: renamed }), 200);
      assert.equal(user.username, 'other-name');
    }));
});

describe('POST /auth/resend-verification', () => {
  const resend = ({ client }: Scene, registrationId: string) =>
    client.send('POST', '/auth/resend-verification', { body: { registrationId } });

  test('sends the same code with the same expiry again; a new one once it is expired', () =>
    withScene(async (s) => {
      const person = somebody();
      const { registrationId } = await ask(s, person);
      const code = await newestCode(s, person.email);
      s.time.forward(2 * MINUTE);
      ok(await resend(s, registrationId), 202);
      const second = await s.mailsTo(person.email);
      assert.equal(second.length, 2);
      assert.equal(codeIn(second[0]?.text), code);
      s.time.forward(8 * MINUTE);
      const stale = { registrationId, code };
      refused(await s.client.send('POST', '/auth/verify-email', { body: stale }), 400, 'code_invalid');
      ok(await resend(s, registrationId), 202);
      const mails = await s.mailsTo(person.email);
      assert.equal(mails.length, 3);
      const fresh = { registrationId, code: codeIn(mails[0]?.text) };
      ok(await s.client.send('POST', '/auth/verify-email', { body: fresh }), 200);
    }));

  test('a code whose tries are spent is replaced', () =>
    withScene(async (s) => {
      const person = somebody();
      const { registrationId } = await ask(s, person);
      const code = await newestCode(s, person.email);
      for (let tries = 0; tries < 5; tries++) {
        const body = { registrationId, code: wrongCode(code) };
        refused(await s.client.send('POST', '/auth/verify-email', { body }), 400, 'code_invalid');
      }
      refused(
        await s.client.send('POST', '/auth/verify-email', { body: { registrationId, code } }),
        400,
        'code_invalid',
      );
      s.time.forward(MINUTE);
      ok(await resend(s, registrationId), 202);
      const body = { registrationId, code: await newestCode(s, person.email) };
      ok(await s.client.send('POST', '/auth/verify-email', { body }), 200);
    }));

  test('mails at most once a minute, 5 times an hour, 10 times a day; the answer is always alike', () =>
    withScene(async (s) => {
      const person = somebody();
      const { registrationId } = await ask(s, person);
      const first = ok(await resend(s, registrationId), 202);
      assert.equal((await s.mailsTo(person.email)).length, 1, 'within a minute of the registration');
      let sent = 1;
      const perHour: number[] = [];
      for (let hour = 0; hour < 4; hour++) {
        const before = (await s.mailsTo(person.email)).length;
        for (let minute = 0; minute < 8; minute++) {
          s.time.forward(MINUTE + SECOND);
          assert.deepEqual(ok(await resend(s, registrationId), 202), first);
          assert.deepEqual(ok(await resend(s, registrationId), 202), first);
        }
        sent = (await s.mailsTo(person.email)).length;
        perHour.push(sent - before);
        s.time.forward(HOUR);
      }
      assert.ok(
        perHour.every((count) => count <= 5),
        perHour.join(),
      );
      assert.ok(sent <= 10 + 1, `${sent} mails`);
      assert.ok(sent >= 10, `${sent} mails`);
    }));

  test('unknown and verified registrations answer like open ones, and mail nobody a code', () =>
    withScene(async (s) => {
      const open = somebody();
      const { registrationId } = await ask(s, open);
      const alike = ok(await resend(s, registrationId), 202);
      assert.deepEqual(ok(await resend(s, '01890000-0000-7000-8000-000000000000'), 202), alike);
      const done = somebody();
      const finished = await ask(s, done);
      const body = { registrationId: finished.registrationId, code: await newestCode(s, done.email) };
      ok(await s.client.send('POST', '/auth/verify-email', { body }), 200);
      const before = (await s.mailsTo(done.email)).length;
      s.time.forward(2 * MINUTE);
      assert.deepEqual(ok(await resend(s, finished.registrationId), 202), alike);
      assert.equal((await s.mailsTo(done.email)).length, before);
    }));
});
