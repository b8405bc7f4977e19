import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DAY, HOUR, MINUTE } from '../src/platform/clock.ts';
import { type AdminUser, admin, holder, readUser, withWorld } from './administration.ts';
import { ok, tokenIn } from './client.ts';
import { type Member, member, newRole, type World } from './matrix/world.ts';
import { refused, somebody } from './scenario.ts';

const USERS = '/api/v1/admin/users';
const PATCH = `PATCH:${USERS}/{id}`;
const RESET = `POST:${USERS}/{id}/password-reset`;

const move = (w: World, { userId }: Pick<Member, 'userId'>, body: object, token?: string) =>
  admin(w, 'PATCH', `/users/${userId}`, body, token);
const stop = (w: World, token: string) => w.client.send('POST', '/auth/stop-email-change', { body: { token } });

/** The token of the link in the latest mail to an address. */
async function linkTo(w: World, address: string): Promise<string> {
  const [mail] = await w.mailsTo(address);
  assert.match(mail?.text ?? '', /\/stop-email-change#token=/);
  return tokenIn(mail?.text);
}

/** Each with a role beyond `user`. */
const HOLDERS: Record<string, (w: World) => Promise<Member>> = {
  'a role of its own': async (w) => member(w, ['user', await newRole(w, {})]),
  'a disabled role': async (w) => member(w, [await newRole(w, { enabled: false })]),
  'the role of administrators': (w) => member(w, ['admin']),
  'the role of superadmins': (w) => member(w, ['superadmin']),
};

describe('moving the address of somebody else', () => {
  test('asks for the permission to reset the password as well', () =>
    withWorld(async (w) => {
      const [weak, able] = [await holder(w, [PATCH]), await holder(w, [PATCH, RESET])];
      const who = await member(w);
      for (const more of [{}, { emailVerified: true }, { fullName: 'Ann Lee' }]) {
        const body = { email: somebody().email, ...more };
        refused(await move(w, who, body, weak.token), 403, 'forbidden');
      }
      const { email, emailVerified, fullName } = await readUser(w, who.userId);
      assert.deepEqual([email, fullName], [who.email, null]);
      ok(await move(w, who, { fullName: 'Ann Lee', email, emailVerified }, weak.token), 200);
      const next = somebody().email;
      assert.equal(ok<AdminUser>(await move(w, who, { email: next }, able.token), 200).email, next);
    }));

  for (const [name, make] of Object.entries(HOLDERS)) {
    test(`waits a day where the account holds ${name}; then both addresses are told`, () =>
      withWorld(async (w) => {
        const who = await make(w);
        const { email } = somebody();
        const answer = ok<AdminUser>(await move(w, who, { email, emailVerified: true, fullName: 'Ann Lee' }), 200);
        assert.deepEqual([answer.email, answer.fullName], [who.email, 'Ann Lee']);
        const takesEffectAt = new Date(w.time.now.getTime() + DAY).toISOString();
        assert.deepEqual(answer.pendingEmail, { email, takesEffectAt });
        assert.equal((await w.mailsTo(email)).length, 0);
        await linkTo(w, who.email);
        // Until then, resets are mailed to the address that the owner reads.
        ok(await admin(w, 'POST', `/users/${who.userId}/password-reset`), 202);
        assert.equal((await w.mailsTo(who.email)).length, 2);
        assert.equal((await w.mailsTo(email)).length, 0);
        w.time.forward(DAY - MINUTE);
        await w.work();
        assert.equal((await readUser(w, who.userId)).email, who.email);
        w.time.forward(MINUTE);
        await w.work();
        const moved = await readUser(w, who.userId);
        assert.deepEqual([moved.email, moved.emailVerified, moved.pendingEmail], [email, true, null]);
        assert.equal((await w.mailsTo(email)).length, 1);
        assert.equal((await w.mailsTo(who.email)).length, 3);
        const types = (await w.app.storage.events.listForTarget(`user:${who.userId}`)).map(({ type }) => type);
        assert.ok(types.indexOf('user.email_move_requested') < types.indexOf('user.email_changed'));
      }));
  }

  test('the old address stops one that waits, once, from any device', () =>
    withWorld(async (w) => {
      const who = await member(w, ['admin']);
      ok(await move(w, who, { email: somebody().email }), 200);
      const token = await linkTo(w, who.email);
      refused(await stop(w, `${token.slice(0, -4)}AAAA`), 400, 'token_invalid');
      ok(await stop(w, token), 204);
      refused(await stop(w, token), 400, 'token_invalid');
      const { pendingEmail, status } = await readUser(w, who.userId);
      assert.deepEqual([pendingEmail, status], [null, 'active']);
      w.time.forward(2 * DAY);
      await w.work();
      assert.equal((await readUser(w, who.userId)).email, who.email);
    }));

  test('an administrator cancels one that waits, or replaces it; the same again changes nothing', () =>
    withWorld(async (w) => {
      const who = await member(w, ['admin']);
      const path = `/users/${who.userId}/pending-email`;
      const [first, second] = [somebody().email, somebody().email];
      ok(await move(w, who, { email: first }), 200);
      const token = await linkTo(w, who.email);
      w.time.forward(HOUR);
      const again = ok<AdminUser>(await move(w, who, { email: first, fullName: 'Ann Lee' }), 200);
      assert.deepEqual(again.pendingEmail, {
        email: first,
        takesEffectAt: new Date(w.time.now.getTime() + DAY - HOUR).toISOString(),
      });
      assert.equal((await w.mailsTo(who.email)).length, 1);
      ok(await move(w, who, { email: who.email, emailVerified: true, fullName: 'Ann' }), 200);
      assert.notEqual((await readUser(w, who.userId)).pendingEmail, null, 'a form sent back whole ends nothing');
      ok(await move(w, who, { email: second }), 200);
      refused(await stop(w, token), 400, 'token_invalid');
      const equal = await holder(w, [`DELETE:${USERS}/{id}/pending-email`]);
      refused(await admin(w, 'DELETE', path, undefined, equal.token), 403, 'power_exceeded');
      ok(await admin(w, 'DELETE', path), 204);
      ok(await admin(w, 'DELETE', path), 204);
      w.time.forward(2 * DAY);
      await w.work();
      const { email, pendingEmail } = await readUser(w, who.userId);
      assert.deepEqual([email, pendingEmail], [who.email, null]);
    }));

  test('an address that somebody has, or takes while it waits, is not given', () =>
    withWorld(async (w) => {
      const who = await member(w, ['admin']);
      const other = await member(w);
      refused(await move(w, who, { email: other.email }), 409, 'email_taken');
      const { email } = somebody();
      ok(await move(w, who, { email }), 200);
      ok(await move(w, other, { email }), 200);
      w.time.forward(DAY);
      await w.work();
      const now = await readUser(w, who.userId);
      assert.deepEqual([now.email, now.pendingEmail], [who.email, null]);
      const types = (await w.app.storage.events.listForTarget(`user:${who.userId}`)).map(({ type }) => type);
      assert.ok(types.includes('user.email_move_failed'));
    }));

  test('it is void for somebody who was deleted meanwhile, and nothing of it outlives an erasure', () =>
    withWorld(async (w) => {
      const who = await member(w, ['admin']);
      ok(await move(w, who, { email: somebody().email }), 200);
      ok(await admin(w, 'DELETE', `/users/${who.userId}`), 204);
      ok(await admin(w, 'POST', `/users/${who.userId}/restore`), 200);
      w.time.forward(DAY);
      await w.work();
      assert.equal((await readUser(w, who.userId)).email, who.email);
      ok(await move(w, who, { email: somebody().email }), 200);
      ok(await admin(w, 'DELETE', `/users/${who.userId}?erase=true`), 204);
      assert.equal((await w.app.storage.users.find(who.userId))?.emailMove ?? null, null);
    }));

  test('where it takes effect at once, the old address locks the account within a day, and gives it to nobody', () =>
    withWorld(async (w) => {
      const who = await member(w);
      const { email } = somebody();
      assert.equal(ok<AdminUser>(await move(w, who, { email, emailVerified: true }), 200).email, email);
      const token = await linkTo(w, who.email);
      assert.equal((await w.mailsTo(who.email)).length, 1);
      ok(await stop(w, token), 204);
      refused(await stop(w, token), 400, 'token_invalid');
      const { status, email: kept } = await readUser(w, who.userId);
      assert.deepEqual([status, kept], ['disabled', email]);
      refused(await w.client.send('GET', '/users/me', { token: who.token }), 401, 'unauthenticated');
      for (const login of [who.username, who.email, email]) {
        const body = { login, password: who.password };
        refused(await w.client.send('POST', '/auth/login', { body }), 401, 'invalid_credentials');
      }
      ok(await admin(w, 'POST', `/users/${who.userId}/activate`), 200);
      refused(await stop(w, token), 400, 'token_invalid');
    }));

  test('after that day the link locks nothing', () =>
    withWorld(async (w) => {
      const who = await member(w);
      ok(await move(w, who, { email: somebody().email }), 200);
      const token = await linkTo(w, who.email);
      w.time.forward(DAY);
      refused(await stop(w, token), 400, 'token_invalid');
      assert.equal((await readUser(w, who.userId)).status, 'active');
    }));

  test('the wait is `EMAIL_MOVE_DELAY`', () =>
    withWorld(
      async (w) => {
        const who = await member(w, ['admin']);
        const { email } = somebody();
        ok(await move(w, who, { email }), 200);
        await w.work();
        w.time.forward(2 * HOUR);
        await w.work();
        assert.equal((await readUser(w, who.userId)).email, email);
      },
      { env: { EMAIL_MOVE_DELAY: '2h' } },
    ));

  test('the page of the link asks for no password', () =>
    withWorld(async (w) => {
      const page = await w.app.http.inject({ url: '/stop-email-change', headers: { accept: 'text/html' } });
      assert.equal(page.statusCode, 200);
      assert.match(page.body, /data-to="api\/v1\/auth\/stop-email-change"/);
      assert.doesNotMatch(page.body, /id="reveal"|type="password"/);
    }));
});
