import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AdminUser, admin, type List, withWorld } from './administration.ts';
import { codeIn, ok, tokenIn } from './client.ts';
import { makeEvent } from './fixtures.ts';
import { refused, type Scene, somebody, withScene } from './scenario.ts';

interface User {
  fullName: string | null;
  username: string | null;
  phone: string | null;
  locale: string | null;
  profile: Record<string, string>;
}

const register = (s: Scene, fields: object) => s.client.send('POST', '/auth/register', { body: fields });

/** Registers, and verifies with what `typed` makes of the code. */
async function verifyWith(s: Scene, typed: (code: string) => string, fields: object = {}) {
  const person = { ...somebody(), ...fields };
  const { registrationId } = ok<{ registrationId: string }>(await register(s, person), 202);
  const code = codeIn((await s.mailsTo(person.email))[0]?.text);
  const body = { registrationId, code: typed(code), tokenTransport: 'body' };
  return s.client.send('POST', '/auth/verify-email', { body });
}

const withZero = (code: string, zero: number) => code.replace(/\d/g, (d) => String.fromCodePoint(zero + Number(d)));

describe('codes as people type and paste them', () => {
  test('separators, invisible characters and digits of any script are taken; anything else is code_invalid', () =>
    withScene(async (s) => {
      for (const typed of [
        (code: string) => `${code.slice(0, 3)} ${code.slice(3)}`,
        (code: string) => `${code}\u00a0\n`,
        (code: string) => `\u200e${code.slice(0, 3)}-${code.slice(3)}.`,
        (code: string) => withZero(code, 0xff10),
        (code: string) => withZero(code, 0x660),
        (code: string) => withZero(code, 0x966),
      ]) {
        ok(await verifyWith(s, typed), 200);
      }
      for (const typed of [
        (code: string) => code.slice(1),
        (code: string) => `${code}0`,
        () => 'abcdef',
        () => '',
        () => ' ',
      ]) {
        refused(await verifyWith(s, typed), 400, 'code_invalid');
      }
    }));

  test('a text that is no code uses up no try; the same for a change of address', () =>
    withScene(async (s) => {
      const { accessToken: token } = await s.client.register(somebody());
      ok(await s.client.send('POST', '/users/me/email', { token, body: { newEmail: 'moved@example.org' } }), 202);
      const code = codeIn((await s.mailsTo('moved@example.org'))[0]?.text);
      const confirm = (typed: string) =>
        s.client.send('POST', '/users/me/email/confirm', { token, body: { code: typed } });
      for (let tries = 0; tries < 10; tries++) refused(await confirm(`${code} x`), 400, 'code_invalid');
      assert.equal(ok<{ email: string }>(await confirm(`${withZero(code, 0xff10)} `), 200).email, 'moved@example.org');
    }));
});

describe('addresses and usernames as people paste them', () => {
  test('what shows nothing at the ends is no part of them', () =>
    withScene(async (s) => {
      const ann = somebody({ email: '\u202aann@example.com\u202c', username: '\ufeffann\u200b' });
      const { user } = await s.client.register({ ...ann, email: 'ann@example.com' });
      assert.equal(user.username, 'ann');
      for (const login of [
        '\u202aann@example.com',
        'ann@example.com\u200b',
        '\u2068ann\u2069',
        ' ann\u00a0',
        'ann＠example.com',
      ]) {
        ok(await s.client.send('POST', '/auth/login', { body: { login, password: ann.password } }), 200);
      }
      ok(await register(s, somebody({ email: '\ufeffbob@example.com\u202c' })), 202);
      assert.equal((await s.mailsTo('bob@example.com')).length, 1);
      ok(
        await s.client.send('POST', '/auth/request-password-reset', { body: { email: 'ann@example.com\u2069' } }),
        202,
      );
      assert.ok((await s.mailsTo('ann@example.com')).some(({ text }) => text.includes('#token=')));
    }));

  test('İ is an i, in addresses and usernames', () =>
    withScene(async (s) => {
      const ismail = somebody({ email: 'ismail@example.com', username: 'İsmail' });
      await s.client.register(ismail);
      for (const login of [
        'İsmail@example.com',
        'İSMAİL@EXAMPLE.COM',
        'i\u0307smail@example.com',
        'ismail',
        'İSMAİL',
      ]) {
        ok(await s.client.send('POST', '/auth/login', { body: { login, password: ismail.password } }), 200);
      }
    }));

  test('an account whose address kept the second dot of its İ still signs in', () =>
    withScene(async (s) => {
      const person = somebody();
      const { user } = await s.client.register(person);
      const { app } = s;
      const { version } = (await app.storage.users.find(user.id)) ?? assert.fail();
      const email = 'i\u0307lker@example.com';
      const event = makeEvent(`user:${user.id}`, { type: 'user.email_changed', userId: user.id });
      const at = { id: user.id, version, now: s.time.now };
      assert.equal(await app.storage.users.takeEmail(at, { email, emailNorm: email }, event), 'ok');
      for (const login of ['İlker@example.com', email]) {
        ok(await s.client.send('POST', '/auth/login', { body: { login, password: person.password } }), 200);
      }
      const other = { login: 'ilker@example.com', password: person.password };
      refused(await s.client.send('POST', '/auth/login', { body: other }), 401, 'invalid_credentials');
    }));

  test('a username of two characters, where names have two', () =>
    withScene(async (s) => {
      const { user } = await s.client.register(somebody({ username: '王伟' }));
      assert.equal(user.username, '王伟');
      refused(await register(s, somebody({ username: 'ab' })), 400, 'username_invalid');
    }));
});

describe('what people say about themselves', () => {
  test('is trimmed, and null where nothing is visible: at registration, in changes, in invitations', () =>
    withWorld(async (w) => {
      for (const [fullName, kept] of [
        [' Ann  Lee\u200b', 'Ann  Lee'],
        ['   ', null],
        ['\u3164', null],
        ['', null],
      ] as const) {
        const signedIn = ok<{ accessToken: string; user: User }>(
          await verifyWith(w, (code) => code, { fullName }),
          200,
        );
        assert.equal(signedIn.user.fullName, kept);
        const { accessToken: token } = signedIn;
        ok(await w.client.send('PATCH', '/users/me', { token, body: { fullName: 'Somebody' } }), 200);
        const changed = await w.client.send('PATCH', '/users/me', { token, body: { fullName } });
        assert.equal(ok<User>(changed, 200).fullName, kept);

        const { email } = somebody();
        const created = ok<AdminUser>(await admin(w, 'POST', '/users', { email, fullName }), 201);
        assert.equal(created.fullName, kept);
        ok(await admin(w, 'PATCH', `/users/${created.id}`, { fullName: 'Somebody' }), 200);
        const patched = ok<AdminUser>(await admin(w, 'PATCH', `/users/${created.id}`, { fullName }), 200);
        assert.equal(patched.fullName, kept);
        const invited = (await w.mailsTo(email)).find(({ text }) => text.includes('#token='));
        const body = { token: tokenIn(invited?.text), password: 'walks the dog at seven', fullName };
        const accepted = ok<{ user: User }>(await w.client.send('POST', '/auth/accept-invitation', { body }), 200);
        assert.equal(accepted.user.fullName, kept);
      }
    }));

  test('phone numbers with separators; locales as systems write them, and unknown ones only where they were chosen', () =>
    withWorld(async (w) => {
      for (const [locale, kept] of [
        ['en_US', 'en-US'],
        ['zh_Hans_CN', 'zh-Hans-CN'],
        ['de-CH,de;q=0.9', 'de-CH'],
        ['C.UTF-8', null],
        ['not a locale', null],
      ] as const) {
        const answer = await verifyWith(w, (code) => code, { locale, phone: '\u202a+44 (20) 7123-4567\u202c' });
        const { user, accessToken: token } = ok<{ user: User; accessToken: string }>(answer, 200);
        assert.deepEqual([user.locale, user.phone], [kept, '+442071234567'], locale);
        const created = await admin(w, 'POST', '/users', { email: somebody().email, locale });
        assert.equal(ok<AdminUser>(created, 201).locale, kept);
        const changed = await w.client.send('PATCH', '/users/me', { token, body: { locale } });
        if (kept === null) refused(changed, 400, 'locale_invalid');
        else assert.equal(ok<User>(changed, 200).locale, kept);
      }
    }));

  test('no URL or name is stored that hides something', () =>
    withWorld(async (w) => {
      const { accessToken: token } = await w.client.register(somebody());
      const patch = (body: object) => w.client.send('PATCH', '/users/me', { token, body });
      const websites = [
        'http://user:pw@a',
        'https://bank.example@evil.example',
        'https://a/\u202egnp.exe',
        'https://a\u200b.example',
      ];
      websites.push('https://a/\u2066b', 'https://a\\@b', 'https://a/\u00adb', 'https://a b');
      for (const website of websites) refused(await patch({ profile: { website } }), 400, 'validation_failed');
      const shown = await patch({
        profile: { website: ' https://ada.example.org/日本\u200b', location: ' Bern ', bio: '\n' },
      });
      assert.deepEqual(ok<User>(shown, 200).profile, { website: 'https://ada.example.org/日本', location: 'Bern' });
      for (const hidden of [
        'A\u202enn',
        'A\u200bnn',
        'A\u200dnn',
        'Ann\u2066',
        'A\ufeffnn',
        'A\u00adnn',
        'A\u{e0041}nn',
      ]) {
        refused(await patch({ fullName: hidden }), 400, 'validation_failed');
        refused(await patch({ profile: { location: hidden } }), 400, 'validation_failed');
        refused(await admin(w, 'POST', '/roles', { code: 'hidden_role', name: hidden }), 400, 'validation_failed');
        const timing = { kind: 'interval', everySeconds: 3600 };
        const schedule = { name: hidden, job: 'purge.jobs', timing };
        refused(await admin(w, 'POST', '/schedules', schedule), 400, 'validation_failed');
      }
      for (const name of ['می\u200cخواهم', '👩\u200d🚀 Ann', 'Zoë \u200fزوئی']) {
        assert.equal(ok<User>(await patch({ fullName: name }), 200).fullName, name);
      }
      refused(await admin(w, 'POST', '/roles', { code: 'blank_role', name: ' \u200b' }), 400, 'validation_failed');
      const role = await admin(w, 'POST', '/roles', { code: 'trimmed_role', name: ' Trimmed ', description: ' ' });
      const { name, description } = ok<{ name: string; description: string | null }>(role, 201);
      assert.deepEqual([name, description], ['Trimmed', null]);
    }));
});

describe('queries', () => {
  test('a date is a time in every filter: its first moment in UTC', () =>
    withWorld(async (w) => {
      const day = w.time.now.toISOString().slice(0, 10);
      const users = async (query: string) => ok<List<AdminUser>>(await admin(w, 'GET', `/users?${query}`), 200).total;
      const events = async (query: string) => ok<List<object>>(await admin(w, 'GET', `/events?${query}`), 200).total;
      const all = await users('');
      assert.deepEqual([await users(`createdFrom=${day}`), await users(`createdTo=${day}`)], [all, 0]);
      assert.equal(await users(`createdFrom=${day}&createdTo=2026-12-31T00:00:00%2B01:00`), all);
      assert.deepEqual([(await events(`from=${day}`)) > 0, await events(`to=${day}`)], [true, 0]);
      for (const time of [
        '2026-02-31',
        '2026-11-30T25:00:00Z',
        '30.11.2026',
        '2026-11-30T10:00:00+01:00',
        '0000-01-01',
        'x',
      ]) {
        for (const path of ['/users?createdFrom=', '/users?createdTo=', '/events?from=', '/events?to=']) {
          const { errors } = refused(await admin(w, 'GET', `${path}${time}`), 400, 'validation_failed');
          assert.match(errors?.[0]?.message ?? '', /such as 2026-11-30/);
        }
      }
    }));

  test('what the list of users shows, pasted, finds it; so do parts of it, and other spellings', () =>
    withWorld(async (w) => {
      const made = async (fields: object) => ok<AdminUser>(await admin(w, 'POST', '/users', fields), 201).id;
      const people = [
        await made({ email: 'john.smith@example.com', fullName: 'Smith, John' }),
        await made({ email: 'jr@example.com', fullName: 'J. R. Hartley' }),
        await made({ email: 'ann@example.net', fullName: 'Ann 🙂 Lee' }),
        await made({ email: 'l@example.net', fullName: 'Łukasz Yılmaz-Weiß O’Neill', username: 'lw_42' }),
        await made({ email: 'x@example.net', fullName: '王小明' }),
      ];
      const found = async (q: string) => {
        const { items } = ok<List<AdminUser>>(await admin(w, 'GET', `/users?q=${encodeURIComponent(q)}`), 200);
        return items.map(({ id }) => people.indexOf(id));
      };
      for (const [q, index] of [
        ['Smith, John', 0],
        ['smith', 0],
        ['"Smith, John" <john.smith@example.com>,', 0],
        ['J. R. Hartley', 1],
        ['Ann 🙂 Lee', 2],
        ['\u202aann@example.net\u202c,', 2],
        ['lukasz yilmaz-weiss', 3],
        ["o'neill weiss", 3],
        ['42', 3],
        ['小明', 4],
        ['王小明', 4],
      ] as const) {
        assert.deepEqual(await found(q), [index], q);
      }
      assert.deepEqual(await found('smythe'), []);
    }));

  test('a filter of the audit log may have been pasted', () =>
    withWorld(async (w) => {
      const found = await admin(w, 'GET', `/events?type=${encodeURIComponent('\u200e user.registered\u00a0')}`);
      assert.equal(found.statusCode, 200, found.body);
      refused(await admin(w, 'GET', '/events?type=user%00x'), 400, 'validation_failed');
    }));

  test('a slash too many, or a capital, is told where the route is', () =>
    withWorld(async (w) => {
      for (const [method, path, route] of [
        ['GET', '/api/v1/users/me/', '/api/v1/users/me'],
        ['GET', '/api/v1//users/me', '/api/v1/users/me'],
        ['GET', '/api/v1/Users/me', '/api/v1/users/me'],
        ['GET', '/api/v1/admin/users/7/?x=1', '/api/v1/admin/users/{id}'],
        ['POST', '/api/v1/auth/login/', '/api/v1/auth/login'],
        ['GET', '/api/v1/health/liveness/', '/api/v1/health/liveness'],
      ] as const) {
        const { detail = '' } = refused(await w.client.send(method, path, { token: w.root }), 404, 'not_found');
        assert.ok(detail.includes(`${method} ${route}:`), `${path}: ${detail}`);
      }
      for (const path of ['/api/v1/nothing/', '/api/v1/%3Cb%3E/']) {
        assert.equal(refused(await w.client.send('GET', path), 404, 'not_found').detail, undefined);
      }
    }));
});

type Schema = { pattern?: string; examples?: unknown[]; [keyword: string]: unknown };

function patternsOf(schema: unknown, path = ''): { path: string; schema: Schema }[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = typeof (schema as Schema).pattern === 'string' ? [{ path, schema: schema as Schema }] : [];
  return [...own, ...Object.entries(schema).flatMap(([key, part]) => patternsOf(part, `${path}/${key}`))];
}

describe('faults', () => {
  test('are sentences: no answer shows a regular expression', () =>
    withWorld(async (w) => {
      const { accessToken: token } = await w.client.register(somebody());
      const bad = '(?:[^\u0007';
      const answers = [
        await w.client.send('PATCH', '/users/me', {
          token,
          body: { fullName: bad, phone: bad, profile: { website: bad, bio: bad } },
        }),
        await register(w, { ...somebody(), fullName: bad, phone: bad }),
        await admin(w, 'POST', '/roles', {
          code: 'Not A Code',
          name: bad,
          permissions: [bad],
          uiPermissions: { menus: [bad] },
        }),
        await admin(w, 'POST', '/schedules', {
          name: bad,
          job: 'x',
          timing: { kind: 'interval', everySeconds: 1 },
          startAt: '0001-01-01T00:00:60Z',
        }),
        await admin(w, 'GET', `/users/x/explain?method=GET&path=nothing`),
        await admin(w, 'GET', `/users?createdFrom=yesterday`),
        await admin(w, 'GET', `/events?type=%07&from=yesterday`),
        await w.client.send('POST', '/auth/login', {
          body: { login: 'a', password: 'b' },
          headers: { 'proof-of-work': 'x' },
        }),
      ];
      for (const answer of answers) {
        const { errors = [] } = refused(answer, 400, 'validation_failed');
        assert.ok(errors.length > 0);
        for (const { message } of errors)
          assert.doesNotMatch(message, /pattern|format|\^|\\|\$|\(\?|\[\^/, answer.body);
      }
    }));

  test('of a pattern have an example to tell, in every schema of a request', () =>
    withScene(async ({ app }) => {
      const document = (await app.http.openapi()) as unknown as Schema;
      for (const { path, schema } of patternsOf(document)) {
        assert.ok((schema.examples ?? []).length > 0 || 'example' in schema, `${path}: ${schema.pattern}`);
      }
    }));
});
