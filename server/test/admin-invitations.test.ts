import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DAY, MINUTE } from '../src/platform/clock.ts';
import { type AdminUser, admin, readUser, withWorld } from './administration.ts';
import { codeIn, ok, type SignedInBody, tokenIn } from './client.ts';
import { member, newRole, type World } from './matrix/world.ts';
import { type Problem, refused, somebody } from './scenario.ts';

const PASSWORD = 'feeds the cat at eight';
const TEMPORARY = 'a password for one day';

const invite = async (w: World, body: object) => ok<AdminUser>(await admin(w, 'POST', '/users', body), 201);
const linkOf = async (w: World, email: string) => tokenIn((await w.mailsTo(email))[0]?.text);
const accept = (w: World, token: string, more: object = {}) =>
  w.client.send('POST', '/auth/accept-invitation', {
    body: { token, password: PASSWORD, tokenTransport: 'body', ...more },
  });
const logIn = (w: World, login: string, password: string) =>
  w.client.send('POST', '/auth/login', { body: { login, password, tokenTransport: 'body' } });
const completeStep = (w: World, body: object) =>
  w.client.send('POST', '/auth/complete-step', { body: { ...body, tokenTransport: 'body' } });

describe('invitations', () => {
  test('a link from PUBLIC_URL with the token in its fragment; accepted, they are signed in, verified, with their roles', () =>
    withWorld(
      async (w) => {
        const { email, username } = somebody();
        const role = await newRole(w, { code: 'model_manager' });
        const body = { email: email.toUpperCase(), fullName: 'In Vited', roles: [role, 'user'], locale: 'en' };
        const made = await invite(w, body);
        assert.equal(made.hasPassword, false);
        assert.equal(made.emailVerified, false);
        assert.equal(made.invitedUntil, new Date(w.time.now.getTime() + 7 * DAY).toISOString());
        const [mail, ...more] = await w.mailsTo(made.email ?? '');
        assert.equal(more.length, 0);
        assert.match(mail?.text ?? '', /https:\/\/login\.example\.org\/[\w/-]*#token=[\w-]+/);
        assert.doesNotMatch(mail?.text ?? '', /\?[^\s#]*token=/);
        refused(await logIn(w, email, PASSWORD), 401, 'invalid_credentials');

        const { accessToken: token, user } = ok<SignedInBody>(await accept(w, tokenIn(mail?.text), { username }), 200);
        assert.equal(user.id, made.id);
        assert.deepEqual([...user.roles].sort(), ['model_manager', 'user']);
        assert.equal(user.emailVerified, true);
        assert.equal(user.username, username);
        assert.equal(user.fullName, 'In Vited');
        ok(await w.client.send('GET', '/users/me', { token }), 200);
        const { invitedUntil, hasPassword } = await readUser(w, made.id);
        assert.deepEqual([invitedUntil, hasPassword], [null, true]);
        ok(await logIn(w, email, PASSWORD), 200);
      },
      { env: { PUBLIC_URL: 'https://login.example.org' } },
    ));

  test('works once, not altered, and not for seven days', () =>
    withWorld(async (w) => {
      const [one, two] = [somebody(), somebody()];
      await invite(w, { email: one.email });
      await invite(w, { email: two.email });
      const [token, late] = [await linkOf(w, one.email), await linkOf(w, two.email)];
      for (const bad of [
        `${token}x`,
        token.slice(0, -1),
        `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`,
        'x',
      ]) {
        refused(await accept(w, bad), 400, 'token_invalid');
      }
      refused(await accept(w, token, { password: 'short' }), 400, 'password_too_short');
      refused(await accept(w, token, { roles: ['superadmin'] }), 400, 'validation_failed');
      w.time.forward(7 * DAY - 1);
      ok(await accept(w, token), 200);
      refused(await accept(w, token), 400, 'token_invalid');
      w.time.forward(1);
      refused(await accept(w, late), 400, 'token_invalid');
    }));

  test('a temporary password, a newer invitation, deactivation and deletion make the link void', () =>
    withWorld(async (w) => {
      const voids: Record<string, (id: string) => Promise<unknown>> = {
        'temporary password': (id) =>
          admin(w, 'POST', `/users/${id}/temporary-password`, { temporaryPassword: TEMPORARY }),
        'newer invitation': (id) => admin(w, 'POST', `/users/${id}/password-reset`),
        deactivation: (id) => admin(w, 'POST', `/users/${id}/deactivate`),
        deletion: (id) => admin(w, 'DELETE', `/users/${id}`),
        erasure: (id) => admin(w, 'DELETE', `/users/${id}?erase=true`),
      };
      for (const [what, happens] of Object.entries(voids)) {
        const { email } = somebody();
        const { id } = await invite(w, { email });
        const token = await linkOf(w, email);
        w.time.forward(MINUTE / 4);
        await happens(id);
        const answer = await accept(w, token);
        assert.equal(answer.statusCode, 400, `${what}: ${answer.body}`);
        refused(answer, 400, 'token_invalid');
        if (what === 'newer invitation') ok(await accept(w, await linkOf(w, email)), 200);
      }
    }));

  test('an address that was mistyped and corrected: the link that went to the wrong one neither lets in nor proves the right one', () =>
    withWorld(async (w) => {
      const [wrong, right] = [somebody(), somebody()];
      const { id } = await invite(w, { email: wrong.email, roles: ['admin'] });
      const token = await linkOf(w, wrong.email);
      ok(await admin(w, 'PATCH', `/users/${id}`, { email: right.email }), 200);
      const answer = await accept(w, token);
      const { email, emailVerified } = await readUser(w, id);
      assert.deepEqual({ email, emailVerified }, { email: right.email, emailVerified: false });
      refused(answer, 400, 'token_invalid');
      const own = await linkOf(w, right.email);
      assert.equal(ok<SignedInBody>(await accept(w, own), 200).user.emailVerified, true);
    }));

  test('their own request for a reset tells nobody that they are invited, and does not void the link', () =>
    withWorld(async (w) => {
      const { email } = somebody();
      await invite(w, { email });
      const token = await linkOf(w, email);
      ok(await w.client.send('POST', '/auth/request-password-reset', { body: { email } }), 202);
      await w.work();
      ok(await accept(w, token), 200);
    }));

  test('a username that is taken leaves the link good', () =>
    withWorld(async (w) => {
      const [taken, { email, username }] = [await member(w), somebody()];
      await invite(w, { email });
      const token = await linkOf(w, email);
      refused(await accept(w, token, { username: taken.username }), 409, 'username_taken');
      ok(await accept(w, token, { username }), 200);
    }));

  test('taken addresses and names are told, and nothing is made', () =>
    withWorld(async (w) => {
      const there = await member(w);
      refused(await admin(w, 'POST', '/users', { email: there.email.toUpperCase() }), 409, 'email_taken');
      const { email } = somebody();
      refused(
        await admin(w, 'POST', '/users', { email, username: there.username.toUpperCase() }),
        409,
        'username_taken',
      );
      refused(await admin(w, 'POST', '/users', { email: 'no address' }), 400, 'email_invalid');
      refused(await admin(w, 'POST', '/users', { email, roles: ['nobody_knows'] }), 400, 'validation_failed');
      refused(await admin(w, 'POST', '/users', { email, password: PASSWORD }), 400, 'validation_failed');
      assert.equal(await w.app.storage.users.findByEmail(email), null);
    }));

  test('REGISTRATION=invite and closed let those in who are invited', async () => {
    for (const REGISTRATION of ['invite', 'closed']) {
      await withWorld(
        async (w) => {
          const person = somebody();
          refused(await w.client.send('POST', '/auth/register', { body: person }), 403, 'registration_closed');
          await invite(w, { email: person.email });
          ok(await accept(w, await linkOf(w, person.email)), 200);
        },
        { env: { REGISTRATION } },
      );
    }
  });
});

describe('temporary passwords', () => {
  test('the sign-in asks for the proof of the address, then for another password; the temporary one is dead', () =>
    withWorld(async (w) => {
      const { email } = somebody();
      const made = await invite(w, { email, temporaryPassword: TEMPORARY });
      assert.equal(made.mustChangePassword, true);
      assert.equal((await w.mailsTo(email)).filter(({ text }) => text.includes('#token=')).length, 0);
      assert.doesNotMatch(JSON.stringify(await w.mailsTo(email)), new RegExp(TEMPORARY));
      const first = refused(await logIn(w, email, TEMPORARY), 403, 'step_required');
      assert.equal(first.step, 'verify_email');
      const code = codeIn((await w.mailsTo(email))[0]?.text);
      const second = refused(await completeStep(w, { flowToken: first.flowToken, code }), 403, 'step_required');
      assert.equal(second.step, 'change_password');
      const { flowToken } = second;
      refused(await completeStep(w, { flowToken, newPassword: TEMPORARY }), 400, 'password_unchanged');
      const { user } = ok<SignedInBody>(await completeStep(w, { flowToken, newPassword: PASSWORD }), 200);
      assert.equal(user.emailVerified, true);
      refused(await completeStep(w, { flowToken, newPassword: PASSWORD }), 400, 'token_invalid');
      refused(await logIn(w, email, TEMPORARY), 401, 'invalid_credentials');
      ok(await logIn(w, email, PASSWORD), 200);
    }));

  test('with a verified address there is one step only', () =>
    withWorld(async (w) => {
      const { email } = somebody();
      await invite(w, { email, temporaryPassword: TEMPORARY, emailVerified: true });
      const { step, flowToken } = refused(await logIn(w, email, TEMPORARY), 403, 'step_required');
      assert.equal(step, 'change_password');
      ok(await completeStep(w, { flowToken, newPassword: PASSWORD }), 200);
    }));

  test('given to somebody who is there: sessions end, the old password and what was mailed are dead', () =>
    withWorld(async (w) => {
      const person = somebody();
      const { accessToken: token, refreshToken, user } = await w.client.register(person);
      ok(await w.client.send('POST', '/auth/request-password-reset', { body: { email: person.email } }), 202);
      const link = await linkOf(w, person.email);
      const body = { temporaryPassword: TEMPORARY };
      ok(await admin(w, 'POST', `/users/${user.id}/temporary-password`, body), 204);
      refused(await w.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
      refused(await w.client.send('POST', '/auth/refresh', { body: { refreshToken } }), 401, 'refresh_invalid');
      refused(await logIn(w, person.email, person.password), 401, 'invalid_credentials');
      const reset = await w.client.send('POST', '/auth/reset-password', {
        body: { token: link, newPassword: PASSWORD },
      });
      refused(reset, 400, 'token_invalid');
      assert.equal((await logIn(w, person.email, TEMPORARY)).json<Problem>().step, 'change_password');
      for (const [temporaryPassword, code] of [
        ['short', 'password_too_short'],
        ['password1', 'password_common'],
        [person.email, 'password_context'],
      ]) {
        refused(await admin(w, 'POST', `/users/${user.id}/temporary-password`, { temporaryPassword }), 400, code ?? '');
      }
    }));

  test('steps that have begun end with what ends a sign-in: another temporary password, deactivation, deletion', () =>
    withWorld(async (w) => {
      const ends: Record<string, (id: string) => Promise<unknown>> = {
        'temporary password': (id) =>
          admin(w, 'POST', `/users/${id}/temporary-password`, { temporaryPassword: PASSWORD }),
        deactivation: (id) => admin(w, 'POST', `/users/${id}/deactivate`),
        deletion: (id) => admin(w, 'DELETE', `/users/${id}`),
        erasure: (id) => admin(w, 'DELETE', `/users/${id}?erase=true`),
      };
      for (const [what, happens] of Object.entries(ends)) {
        const { email } = somebody();
        const { id } = await invite(w, { email, temporaryPassword: TEMPORARY, emailVerified: true });
        const { flowToken } = refused(await logIn(w, email, TEMPORARY), 403, 'step_required');
        await happens(id);
        const answer = await completeStep(w, { flowToken, newPassword: 'another one for good' });
        assert.equal(answer.statusCode, 400, `${what}: ${answer.body}`);
      }
    }));

  test('a code that was mailed to the old address does not prove the one that an administrator put in its place', () =>
    withWorld(async (w) => {
      const [wrong, right] = [somebody(), somebody()];
      const { id } = await invite(w, { email: wrong.email, temporaryPassword: TEMPORARY });
      const { flowToken } = refused(await logIn(w, wrong.email, TEMPORARY), 403, 'step_required');
      const code = codeIn((await w.mailsTo(wrong.email))[0]?.text);
      ok(await admin(w, 'PATCH', `/users/${id}`, { email: right.email }), 200);
      const answer = await completeStep(w, { flowToken, code });
      assert.equal((await readUser(w, id)).emailVerified, false, answer.body);
      assert.equal(answer.statusCode, 400, answer.body);
    }));

  test('a change of address that was under way does not come over the one that an administrator made', () =>
    withWorld(async (w) => {
      const [person, asked, { email }] = [somebody(), somebody(), somebody()];
      const { accessToken: token, user } = await w.client.register(person);
      ok(await w.client.send('POST', '/users/me/email', { token, body: { newEmail: asked.email } }), 202);
      const code = codeIn((await w.mailsTo(asked.email))[0]?.text);
      ok(await admin(w, 'PATCH', `/users/${user.id}`, { email, emailVerified: true }), 200);
      const answer = await w.client.send('POST', '/users/me/email/confirm', { token, body: { code } });
      assert.equal((await readUser(w, user.id)).email, email, answer.body);
    }));
});
