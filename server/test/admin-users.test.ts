import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MINUTE } from '../src/platform/clock.ts';
import { type AdminUser, admin, type List, readUser, walk, withWorld } from './administration.ts';
import { ok, tokenIn } from './client.ts';
import { member, newRole, signIn, type World } from './matrix/world.ts';
import { epochsOf, refused, somebody } from './scenario.ts';

/** So many users, a minute apart, the third of each three disabled, each second verified. */
async function crowd(w: World, count: number): Promise<string[]> {
  const role = await newRole(w, { code: 'crowd' });
  const ids: string[] = [];
  for (let index = 0; index < count; index++) {
    w.time.forward(MINUTE / 4);
    const letter = String.fromCharCode(97 + ((index * 7) % 26));
    const body = {
      email: `${letter}${index}@crowd.example`,
      username: `${letter}-crowd-${index}`,
      fullName: index % 2 === 0 ? `Ida Ångström ${index}` : `Otto Meier ${index}`,
      emailVerified: index % 2 === 0,
      roles: index % 4 === 0 ? [role, 'user'] : ['user'],
    };
    const { id } = ok<AdminUser>(await admin(w, 'POST', '/users', body), 201);
    if (index % 3 === 2) ok(await admin(w, 'POST', `/users/${id}/deactivate`), 200);
    ids.push(id);
  }
  return ids;
}

const list = async (w: World, query: string) => ok<List<AdminUser>>(await admin(w, 'GET', `/users?${query}`), 200);

describe('GET /admin/users', () => {
  test('finds, filters, sorts, pages', () =>
    withWorld(async (w) => {
      const ids = await crowd(w, 12);
      const found = async (query: string) => (await list(w, `pageSize=100&${query}`)).items;
      const indexes = async (query: string) =>
        (await found(query))
          .map(({ id }) => ids.indexOf(id))
          .filter((index) => index >= 0)
          .sort((a, b) => a - b);
      const where = (rule: (index: number) => boolean) => ids.map((_, index) => index).filter(rule);
      assert.deepEqual(
        await indexes('q=angstrom'),
        where((index) => index % 2 === 0),
      );
      assert.deepEqual(
        await indexes('q=IDA'),
        where((index) => index % 2 === 0),
      );
      assert.deepEqual(
        await indexes('q=@crowd.example'),
        where(() => true),
      );
      assert.deepEqual(await indexes('q=h1@crowd'), [1]);
      assert.deepEqual(
        await indexes('q=otto%20meier'),
        where((index) => index % 2 === 1),
      );
      assert.deepEqual(await indexes('q=h-crowd-1'), [1]);
      assert.deepEqual(await found('q=nobody'), []);
      for (const hostile of ["'", '%25', '_', '"; drop table users', '$ne', '.*', '\\']) {
        assert.deepEqual(await found(`q=${encodeURIComponent(hostile)}xx`), []);
      }
      assert.deepEqual(
        await indexes('role=crowd'),
        where((index) => index % 4 === 0),
      );
      assert.deepEqual(
        await indexes('status=disabled'),
        where((index) => index % 3 === 2),
      );
      assert.deepEqual(
        await indexes('status=active&verified=true'),
        where((index) => index % 3 !== 2 && index % 2 === 0),
      );
      assert.deepEqual(await indexes('verified=false&role=crowd'), []);
      const third = (await readUser(w, ids[3] ?? '')).createdAt;
      assert.deepEqual(
        await indexes(`createdFrom=${third}`),
        where((index) => index >= 3),
      );
      assert.deepEqual(
        await indexes(`createdTo=${third}`),
        where((index) => index < 3),
      );
      assert.deepEqual(await indexes(`createdFrom=${third}&createdTo=${third}`), []);
      refused(await admin(w, 'GET', '/users?role=nobody_knows'), 404, 'role_not_found');

      const { total, totalIsExact, page, pageSize, items } = await list(w, 'page=2&pageSize=5');
      assert.deepEqual([total, totalIsExact, page, pageSize, items.length], [13, true, 2, 5, 5]);
      assert.deepEqual((await list(w, 'page=4&pageSize=5')).items, []);
      const names = items.map(({ id }) => id);
      assert.deepEqual(
        names,
        (await found('')).slice(5, 10).map(({ id }) => id),
      );
    }));

  test('each sort, both ways, by page and by cursor the same, everybody once', () =>
    withWorld(async (w) => {
      await crowd(w, 9);
      for (const field of ['createdAt', 'email', 'username', 'lastLoginAt']) {
        const orders: string[][] = [];
        for (const sort of [field, `-${field}`]) {
          const paged = (await list(w, `sort=${sort}&pageSize=100`)).items;
          const walked = await walk<AdminUser>(w, `/users?sort=${sort}`, 3);
          assert.deepEqual(walked, paged, sort);
          assert.equal(new Set(paged.map(({ id }) => id)).size, 10);
          const values = paged.map((user) => user[field]).filter((value) => value !== null) as string[];
          const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
          assert.deepEqual(values, sort === field ? sorted : sorted.toReversed(), sort);
          orders.push(values);
        }
        assert.deepEqual(orders[1], orders[0]?.toReversed());
      }
    }));

  test('cursors are refused altered, with another filter, another sort, and by another list', () =>
    withWorld(async (w) => {
      await crowd(w, 4);
      const { nextCursor } = await list(w, 'cursor=&pageSize=2&status=active');
      const cursor = nextCursor ?? assert.fail();
      assert.equal((await list(w, `cursor=${cursor}&pageSize=2&status=active`)).items.length, 2);
      for (let at = 0; at < cursor.length; at++) {
        const other = cursor[at] === 'A' ? 'B' : 'A';
        const altered = cursor.slice(0, at) + other + cursor.slice(at + 1);
        const path = `/users?cursor=${altered}&pageSize=2&status=active`;
        refused(await admin(w, 'GET', path), 400, 'validation_failed');
      }
      const elsewhere = [
        'users?status=disabled&',
        'users?',
        'users?status=active&sort=email&',
        'users?status=active&q=a&',
        'roles?',
        'events?',
        'routes?',
      ];
      for (const path of elsewhere) {
        refused(await admin(w, 'GET', `/${path}cursor=${cursor}`), 400, 'validation_failed');
      }
    }));

  test('refuses what it does not know', () =>
    withWorld(async (w) => {
      const bad = [
        'x=1',
        'status=erased',
        'status=',
        'verified=yes',
        'sort=passwordHash',
        'sort=-id',
        'page=0',
        'pageSize=101',
      ];
      bad.push('page=-1', 'page=1.5', 'createdFrom=yesterday', 'cursor=x', 'role=', 'page=501&pageSize=20', 'q=a&q=b');
      for (const query of bad) refused(await admin(w, 'GET', `/users?${query}`), 400, 'validation_failed');
    }));
});

describe('one user', () => {
  test('is read as the contract names it, without a secret; changed; unknown ids are 404', () =>
    withWorld(async (w) => {
      const who = await member(w);
      const before = await readUser(w, who.userId);
      assert.ok(
        !Object.keys(before).some((key) => /hash|secret|token|epoch|.version|key/i.test(key)),
        Object.keys(before).join(),
      );
      w.time.forward(MINUTE / 4);
      const patch = {
        fullName: 'Zoë',
        phone: '+41441234567',
        locale: 'de-CH',
        profile: { bio: 'A bio' },
        profilePublic: true,
      };
      const after = ok<AdminUser>(await admin(w, 'PATCH', `/users/${who.userId}`, patch), 200);
      assert.deepEqual(after, {
        ...before,
        ...patch,
        updatedAt: w.time.now.toISOString(),
        version: Number(before.version) + 1,
      });
      for (const body of [
        {},
        { roles: ['admin'] },
        { status: 'active' },
        { id: 'x' },
        { passwordHash: 'x' },
        { fullName: 5 },
      ]) {
        refused(await admin(w, 'PATCH', `/users/${who.userId}`, body), 400, 'validation_failed');
      }
      const other = await member(w);
      refused(await admin(w, 'PATCH', `/users/${who.userId}`, { email: other.email }), 409, 'email_taken');
      refused(await admin(w, 'PATCH', `/users/${who.userId}`, { username: other.username }), 409, 'username_taken');
      for (const id of ['nobody', '00000000-0000-7000-8000-0000000000ff', '%00', 'x'.repeat(100)]) {
        refused(await admin(w, 'GET', `/users/${id}`), 404, 'user_not_found');
      }
    }));

  test('an address changed by an administrator: unverified unless said, and links to the old one are dead', () =>
    withWorld(async (w) => {
      const who = await member(w);
      ok(await w.client.send('POST', '/auth/request-password-reset', { body: { email: who.email } }), 202);
      const link = tokenIn((await w.mailsTo(who.email))[0]?.text);
      const { email } = somebody();
      const changed = ok<AdminUser>(await admin(w, 'PATCH', `/users/${who.userId}`, { email }), 200);
      assert.deepEqual([changed.email, changed.emailVerified], [email, false]);
      const body = { token: link, newPassword: 'feeds the cat at eight' };
      refused(await w.client.send('POST', '/auth/reset-password', { body }), 400, 'token_invalid');
      refused(
        await w.client.send('POST', '/auth/login', { body: { login: who.email, password: who.password } }),
        401,
        'invalid_credentials',
      );
      const sure = ok<AdminUser>(
        await admin(w, 'PATCH', `/users/${who.userId}`, { email: somebody().email, emailVerified: true }),
        200,
      );
      assert.equal(sure.emailVerified, true);
    }));

  test('parity 3: deactivated or deleted, they are out at once and signed in to like nobody; back again they start afresh', () =>
    withWorld(async (w) => {
      for (const [off, on] of [
        [['POST', '/deactivate'], '/activate'],
        [['DELETE', ''], '/restore'],
      ] as const) {
        const person = somebody();
        const { accessToken: token, refreshToken, user } = await w.client.register(person);
        const { grantEpoch, credentialEpoch, sessionEpoch } = await epochsOf(w, user.id);
        const ended = await admin(w, off[0], `/users/${user.id}${off[1]}`);
        assert.ok(ended.statusCode < 300, ended.body);
        refused(await w.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
        refused(await w.client.send('POST', '/auth/refresh', { body: { refreshToken } }), 401, 'refresh_invalid');
        const logIn = (login: string) =>
          w.client.send('POST', '/auth/login', { body: { login, password: person.password } });
        const [theirs, nobodys] = [await logIn(person.email), await logIn('nobody@example.com')];
        const problem = refused(theirs, 401, 'invalid_credentials');
        assert.deepEqual(
          { ...problem, requestId: '' },
          { ...refused(nobodys, 401, 'invalid_credentials'), requestId: '' },
        );
        refused(await admin(w, 'POST', '/users', { email: person.email }), 409, 'email_taken');
        const wrong = on === '/restore' ? '/activate' : '/restore';
        refused(await admin(w, 'POST', `/users/${user.id}${wrong}`), 409, 'status_conflict');
        const back = ok<AdminUser>(await admin(w, 'POST', `/users/${user.id}${on}`), 200);
        assert.deepEqual([back.status, back.deletedAt], ['active', null]);
        // API keys from before a deletion stay void; passkeys let the person in again.
        const after = await epochsOf(w, user.id);
        assert.ok(after.sessionEpoch > sessionEpoch);
        assert.equal(after.grantEpoch, on === '/restore' ? grantEpoch + 1 : grantEpoch);
        assert.equal(after.credentialEpoch, credentialEpoch);
        refused(await w.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
        refused(await w.client.send('POST', '/auth/refresh', { body: { refreshToken } }), 401, 'refresh_invalid');
        await w.client.login(person);
      }
    }));

  test('parity 3: with the role goes what it opened; the session lives on', () =>
    withWorld(async (w) => {
      const who = await member(w, ['admin']);
      ok(await admin(w, 'GET', '/users', undefined, who.token), 200);
      ok(await admin(w, 'PUT', `/users/${who.userId}/roles`, { roles: ['user'] }), 200);
      refused(await admin(w, 'GET', '/users', undefined, who.token), 403, 'forbidden');
      ok(await w.client.send('GET', '/users/me', { token: who.token }), 200);
    }));

  test('a mailed reset; sessions listed and ended; those of others are none of theirs', () =>
    withWorld(async (w) => {
      const who = await member(w);
      const second = await signIn(w, who);
      const path = `/users/${who.userId}/sessions`;
      const read = async () =>
        ok<{ items: { id: string }[] }>(await admin(w, 'GET', path), 200).items.map(({ id }) => id);
      assert.deepEqual((await read()).sort(), [who.sessionId, second.sessionId].sort());
      const other = await member(w);
      refused(await admin(w, 'DELETE', `${path}/${other.sessionId}`), 404, 'session_not_found');
      ok(await admin(w, 'DELETE', `${path}/${second.sessionId}`), 204);
      refused(await w.client.send('GET', '/users/me', { token: second.token }), 401, 'unauthenticated');
      ok(await w.client.send('GET', '/users/me', { token: who.token }), 200);
      ok(await admin(w, 'DELETE', path), 204);
      refused(await w.client.send('GET', '/users/me', { token: who.token }), 401, 'unauthenticated');
      assert.deepEqual(await read(), []);
      ok(await w.client.send('GET', '/users/me', { token: other.token }), 200);
      ok(await admin(w, 'POST', `/users/${who.userId}/password-reset`), 202);
      const token = tokenIn((await w.mailsTo(who.email))[0]?.text);
      const body = { token, newPassword: 'feeds the cat at eight' };
      ok(await w.client.send('POST', '/auth/reset-password', { body }), 204);
      await w.client.login({ ...who, password: body.newPassword });
    }));

  test('unlock: five wrong passwords, then 429; unlocked, the right one is asked for again', () =>
    withWorld(
      async (w) => {
        const who = await member(w);
        const logIn = (password: string) =>
          w.client.send('POST', '/auth/login', { body: { login: who.email, password } });
        let answer = await logIn('not the password');
        for (let tries = 1; tries < 6 && answer.statusCode === 401; tries++) answer = await logIn('not the password');
        refused(answer, 429, 'rate_limited');
        refused(await logIn(who.password), 429, 'rate_limited');
        ok(await admin(w, 'POST', `/users/${who.userId}/unlock`), 200);
        refused(await logIn('not the password'), 401, 'invalid_credentials');
        ok(await logIn(who.password), 200);
      },
      { env: { RATE_LIMITS: 'on' } },
    ));
});
