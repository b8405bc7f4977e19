import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { codeIn, ok, type SignedInBody, tokenIn } from './client.ts';
import { refused, type Scene, somebody, withScene } from './scenario.ts';

async function root(s: Scene): Promise<string> {
  const person = somebody();
  await s.app.setup.createUser(SYSTEM_CALLER, { ...person, superadmin: true });
  return (await s.client.login(person)).accessToken;
}

const admin = (s: Scene, token: string, method: 'POST' | 'DELETE', path: string, body?: object) =>
  s.client.send(method, `/admin/users${path}`, { token, ...(body && { body }) });

/** Registers with an address, and asks for a reset; returns the newest mail after each. Both answers are as for any address. */
async function askedFor(s: Scene, email: string) {
  const texts = [];
  const password = 'walks the cat at seven';
  for (const [path, body] of [
    ['/auth/register', { email, password }],
    ['/auth/request-password-reset', { email }],
  ] as const) {
    const before = (await s.mailsTo(email)).length;
    const [answer, other] = [
      ok<object>(await s.client.send('POST', path, { body }), 202),
      ok<object>(await s.client.send('POST', path, { body: { ...body, email: somebody().email } }), 202),
    ];
    assert.deepEqual(Object.keys(answer), Object.keys(other));
    const mails = await s.mailsTo(email);
    assert.equal(mails.length, before + 1, `${path} mails once`);
    texts.push(mails[0]?.text ?? '');
    s.time.forward(1000);
  }
  return { registered: texts[0] ?? '', reset: texts[1] ?? '' };
}

test('a deleted account: its owner is told who deleted it, until when it can be restored, and how', () =>
  withScene(async (s) => {
    const token = await root(s);
    for (const by of ['owner', 'administrator'] as const) {
      const person = somebody();
      const { accessToken, user } = await s.client.register(person);
      const deleted =
        by === 'owner'
          ? await s.client.send('DELETE', '/users/me', { token: accessToken })
          : await admin(s, token, 'DELETE', `/${user.id}`);
      ok(deleted, 204);
      const { registered, reset } = await askedFor(s, person.email);
      for (const text of [registered, reset]) {
        assert.match(text, by === 'owner' ? /deleted by its owner/ : /deleted by an administrator/);
        assert.match(text, /Until 20 December 2026 .* can restore the account: please contact them/);
        assert.doesNotMatch(text, /#token=|sign in with your password/);
      }
      ok(await admin(s, token, 'POST', `/${user.id}/restore`), 200);
      assert.match((await askedFor(s, person.email)).registered, /sign in with your password/);
    }
  }));

test('a deactivated account: its owner is told so', () =>
  withScene(async (s) => {
    const token = await root(s);
    const person = somebody();
    const { user } = await s.client.register(person);
    ok(await admin(s, token, 'POST', `/${user.id}/deactivate`), 200);
    const { registered, reset } = await askedFor(s, person.email);
    for (const text of [registered, reset]) {
      assert.match(text, /an administrator has deactivated/);
      assert.doesNotMatch(text, /#token=|sign in with your password/);
    }
  }));

test('an invited account: whoever registers gets the invitation again, and after it has expired the way to a password', () =>
  withScene(async (s) => {
    const token = await root(s);
    const [guest, late] = [somebody(), somebody()];
    for (const { email } of [guest, late]) ok(await admin(s, token, 'POST', '', { email }), 201);
    const { registered } = await askedFor(s, guest.email);
    const body = { token: tokenIn(registered), password: guest.password, tokenTransport: 'body' };
    ok(await s.client.send('POST', '/auth/accept-invitation', { body }), 200);

    await s.mailsTo(late.email);
    s.time.forward(8 * DAY);
    const asked = await askedFor(s, late.email);
    assert.match(asked.registered, /its invitation has expired/);
    assert.match(asked.registered, /ask for a password reset/);
    const reset = { token: tokenIn(asked.reset), newPassword: late.password };
    ok(await s.client.send('POST', '/auth/reset-password', { body: reset }), 204);
    await s.client.login(late);
  }));

test('a mailed reset proves the address: whoever was invited signs in with the new password', () =>
  withScene(async (s) => {
    const token = await root(s);
    const guest = somebody();
    ok(await admin(s, token, 'POST', '', { email: guest.email }), 201);
    ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email: guest.email } }), 202);
    const link = tokenIn((await s.mailsTo(guest.email))[0]?.text);
    const body = { token: link, newPassword: guest.password };
    ok(await s.client.send('POST', '/auth/reset-password', { body }), 204);
    const mails = (await s.mailsTo(guest.email)).length;
    const { user } = await s.client.login(guest);
    assert.equal(user.emailVerified, true);
    const history = (await s.mailsTo(guest.email)).slice(0, -mails).filter(({ subject }) => /address/i.test(subject));
    assert.deepEqual(history, [], 'no mail speaks of another address');
    const events = await s.app.storage.events.list(
      { target: `user:${user.id}`, type: 'user.password_reset' },
      { before: null, limit: 1 },
    );
    assert.deepEqual(events[0]?.data.after, { emailVerified: true });
  }));

test('a link does not verify an address that the account has taken since', () =>
  withScene(async (s) => {
    const token = await root(s);
    const guest = somebody();
    const { id } = ok<{ id: string }>(await admin(s, token, 'POST', '', { email: guest.email }), 201);
    ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email: guest.email } }), 202);
    const link = tokenIn((await s.mailsTo(guest.email))[0]?.text);
    const moved = await s.client.send('PATCH', `/admin/users/${id}`, { token, body: { email: 'moved@example.org' } });
    ok(moved, 200);
    const body = { token: link, newPassword: guest.password };
    refused(await s.client.send('POST', '/auth/reset-password', { body }), 400, 'token_invalid');
    assert.equal((await s.app.storage.users.find(id))?.emailVerified, false);
  }));

test('the code for the address that an account has already is not called one for a new address', () =>
  withScene(async (s) => {
    const token = await root(s);
    const person = somebody();
    const { email, password } = person;
    const created = ok<{ id: string }>(await admin(s, token, 'POST', '', { email, temporaryPassword: password }), 201);
    const { flowToken } = refused(
      await s.client.send('POST', '/auth/login', { body: { login: email, password } }),
      403,
      'step_required',
    );
    const [mail] = await s.mailsTo(email);
    assert.equal(mail?.subject, 'Confirm your e-mail address');
    assert.doesNotMatch(mail.text, /new/);
    const step = { flowToken, code: codeIn(mail.text), tokenTransport: 'body' };
    const next = refused(await s.client.send('POST', '/auth/complete-step', { body: step }), 403, 'step_required');
    const last = { flowToken: next.flowToken, newPassword: 'feeds the cat at eight', tokenTransport: 'body' };
    const { user } = ok<SignedInBody>(await s.client.send('POST', '/auth/complete-step', { body: last }), 200);
    assert.equal(user.id, created.id);
  }));

test('an account that cannot be used answers a change of address to it as before, and its owner is told the truth', () =>
  withScene(async (s) => {
    const holder = somebody();
    const { accessToken } = await s.client.register(holder);
    ok(await s.client.send('DELETE', '/users/me', { token: accessToken }), 204);
    const { accessToken: token } = await s.client.register(somebody());
    ok(await s.client.send('POST', '/users/me/email', { token, body: { newEmail: holder.email } }), 202);
    const text = (await s.mailsTo(holder.email))[0]?.text ?? '';
    assert.match(text, /deleted or deactivated/);
    assert.doesNotMatch(text, /sign in with this address/);
  }));
