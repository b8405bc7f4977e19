import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DAY, MINUTE } from '../src/platform/clock.ts';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import { admin } from './administration.ts';
import { ok, tokenIn } from './client.ts';
import { assured } from './matrix/assured.ts';
import { createWorld, freshRoot, giveRoles, type Member, member, newRole, type World } from './matrix/world.ts';
import { openScene, refused } from './scenario.ts';
import { type App, addApp } from './second-factor.ts';

let w: World;
before(async () => {
  w = await createWorld(await openScene());
});
after(() => w.close());

interface Person extends Member {
  app: App;
}

async function person(roles: readonly string[] = ['user']): Promise<Person> {
  const made = await member(w, roles);
  return { ...made, app: await addApp(w, made) };
}

const login = ({ email, password }: Pick<Person, 'email' | 'password'>) =>
  w.client.send('POST', '/auth/login', { body: { login: email, password, tokenTransport: 'body' } });

async function waiting(who: Person): Promise<string> {
  const { step, flowToken = '' } = refused(await login(who), 403, 'step_required');
  assert.equal(step, 'mfa');
  return flowToken;
}

const complete = (flowToken: string, fields: object) =>
  w.client.send('POST', '/auth/complete-step', { body: { flowToken, tokenTransport: 'body', ...fields } });
const recover = (flowToken: string) => w.client.send('POST', '/auth/recover-factors', { body: { flowToken } });

/** The superadmin, by two factors. */
async function root(): Promise<string> {
  const token = await freshRoot(w);
  const { sid: sessionId } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  await assured(w, { sessionId }, ['totp']);
  return token;
}

const reset = async ({ userId }: Pick<Person, 'userId'>, token?: string) =>
  w.client.send('POST', `/admin/users/${userId}/factors/reset`, {
    token: token ?? (await root()),
    body: { reason: 'Lost phone' },
  });

const resetAtOf = async ({ userId }: Person) => (await w.app.storage.factors.find(userId))?.resetAt ?? null;
const holdsAny = async ({ userId }: Person) => ((await w.app.storage.factors.find(userId))?.totp.length ?? 0) > 0;
const typesOf = async ({ userId }: Person) =>
  (await w.app.storage.events.listForTarget(`factors:${userId}`)).map(({ type }) => type);

/** What the job does when it runs. */
async function runResets(): Promise<void> {
  await w.app.jobs.enqueue('factors.carry-out-resets', {});
  await w.work();
}

describe('a reset by the owner', () => {
  test('waits a day, is mailed, takes effect once, and the next sign-in needs the password alone', async () => {
    const who = await person();
    const began = w.time.now;
    const flowToken = await waiting(who);
    assert.deepEqual(ok(await recover(flowToken), 202), { status: 'accepted' });
    assert.deepEqual(await resetAtOf(who), new Date(began.getTime() + DAY));
    const [mail] = await w.mailsTo(who.email);
    assert.match(mail?.text ?? '', /somebody who knows your password/);

    // Twice is once: neither prolonged, nor mailed again.
    w.time.forward(MINUTE);
    ok(await recover(await waiting(who)), 202);
    assert.deepEqual(await resetAtOf(who), new Date(began.getTime() + DAY));
    const mailed = (await w.mailsTo(who.email)).length;
    w.time.forward(DAY - 2 * MINUTE);
    await runResets();
    assert.equal(await holdsAny(who), true);

    w.time.forward(MINUTE);
    await runResets();
    assert.equal(await holdsAny(who), false);
    assert.equal((await typesOf(who)).filter((type) => type === 'factors.reset').length, 1);
    assert.equal((await w.mailsTo(who.email)).length, mailed + 1);
    refused(await w.client.send('GET', '/users/me', { token: who.token }), 401, 'unauthenticated');
    await runResets();
    assert.equal((await typesOf(who)).filter((type) => type === 'factors.reset').length, 1);
    ok(await login(who), 200);
  });

  test('is stopped by the mailed link, once, and by no link of another reset', async () => {
    const who = await person();
    const stop = (token: string) => w.client.send('POST', '/auth/stop-factor-reset', { body: { token } });
    ok(await recover(await waiting(who)), 202);
    const token = tokenIn((await w.mailsTo(who.email))[0]?.text);
    refused(await stop(`${token.slice(0, -2)}AA`), 400, 'token_invalid');
    ok(await stop(token), 204);
    assert.equal(await resetAtOf(who), null);
    refused(await stop(token), 400, 'token_invalid');
    w.time.forward(MINUTE);
    ok(await recover(await waiting(who)), 202);
    refused(await stop(token), 400, 'token_invalid');
    assert.notEqual(await resetAtOf(who), null);
    ok(await stop(tokenIn((await w.mailsTo(who.email))[0]?.text)), 204);
    const page = await w.app.http.inject({ url: '/stop-factor-reset', headers: { accept: 'text/html' } });
    assert.match(page.body, /data-to="api\/v1\/auth\/stop-factor-reset"/);
  });

  for (const [name, prove] of Object.entries({
    'a code of the app': async (who: Person) => ok(await complete(await waiting(who), { code: who.app.code() }), 200),
    'a recovery code': async (who: Person) =>
      ok(await complete(await waiting(who), { recoveryCode: who.app.recoveryCodes[0] }), 200),
    'a proof in a session': async (who: Person) => {
      const body = { password: who.password, code: who.app.code() };
      ok(await w.client.send('POST', '/auth/reauthenticate', { token: who.token, body }), 200);
    },
    'its owner, in a fresh session': async (who: Person) =>
      ok(await w.client.send('DELETE', '/users/me/factors/reset', { token: who.token }), 204),
  })) {
    test(`is stopped by ${name}`, async () => {
      const who = await person();
      ok(await recover(await waiting(who)), 202);
      await prove(who);
      assert.equal(await resetAtOf(who), null);
      assert.ok((await typesOf(who)).includes('factors.reset_cancelled'));
      w.time.forward(2 * DAY);
      await runResets();
      assert.equal(await holdsAny(who), true);
    });
  }

  test('is stopped by the step of a refresh', async () => {
    const made = await member(w);
    const { refreshToken } = await w.client.login(made);
    const who = { ...made, app: await addApp(w, made) };
    ok(await recover(await waiting(who)), 202);
    const asked = await w.client.send('POST', '/auth/refresh', { body: { refreshToken } });
    const { flowToken = '' } = refused(asked, 403, 'step_required');
    assert.notEqual(await resetAtOf(who), null);
    ok(await complete(flowToken, { code: who.app.code() }), 200);
    assert.equal(await resetAtOf(who), null);
  });

  test('is not stopped by a wrong code', async () => {
    const who = await person();
    ok(await recover(await waiting(who)), 202);
    refused(await complete(await waiting(who), { code: '000000' }), 400, 'code_invalid');
    assert.notEqual(await resetAtOf(who), null);
  });

  test('is not for whom a role demands a second factor: the answer is the same, the mail says whom to ask', async () => {
    const role = await newRole(w, { mfa: 'required' });
    const who = await person([role]);
    assert.deepEqual(ok(await recover(await waiting(who)), 202), { status: 'accepted' });
    assert.equal(await resetAtOf(who), null);
    assert.match((await w.mailsTo(who.email))[0]?.text ?? '', /only an administrator/);
  });

  test('needs a sign-in that waits for its second factor', async () => {
    const who = await person();
    refused(await recover('94652bcb.AAAA'), 400, 'token_invalid');
    const flowToken = await waiting(who);
    ok(await complete(flowToken, { code: who.app.code() }), 200);
    w.time.forward(11 * MINUTE);
    refused(await recover(flowToken), 400, 'token_invalid');
    const plain = await member(w);
    ok(await admin(w, 'PATCH', `/users/${plain.userId}`, { emailVerified: false }), 200);
    const other = refused(await login(plain), 403, 'step_required');
    refused(await recover(other.flowToken ?? ''), 400, 'token_invalid');
  });
});

describe('a reset by an administrator', () => {
  test('needs two factors, never oneself, nobody with more power, and a factor', async () => {
    const who = await person();
    refused(await reset(who, await freshRoot(w)), 403, 'mfa_required');
    const role = await newRole(w, { permissions: ['POST:/api/v1/admin/users/{id}/factors/reset'] });
    const helper = await member(w, [role]);
    refused(await reset(who, helper.token), 403, 'mfa_required');
    await assured(w, helper, ['totp']);
    ok(await reset(who, helper.token), 202);
    const boss = await person(['admin']);
    refused(await reset(boss, helper.token), 403, 'power_exceeded');
    refused(await reset(helper, helper.token), 403, 'self_protected');
    refused(await reset(await member(w), helper.token), 409, 'no_second_factor');
    refused(await reset({ userId: '0' }, helper.token), 404, 'user_not_found');
    // The pattern of administrators stops before it.
    const admins = await member(w, ['admin']);
    await assured(w, admins, ['totp']);
    refused(await reset(who, admins.token), 403, 'forbidden');
  });

  test('waits, twice is once, is told with its reason in the log, and can be cancelled', async () => {
    const who = await person();
    const { effectiveAt } = ok<{ effectiveAt: string }>(await reset(who), 202);
    assert.equal(effectiveAt, new Date(w.time.now.getTime() + DAY).toISOString());
    w.time.forward(MINUTE);
    assert.equal(ok<{ effectiveAt: string }>(await reset(who), 202).effectiveAt, effectiveAt);
    const told = (await w.app.storage.events.listForTarget(`factors:${who.userId}`)).at(-1);
    assert.deepEqual(told?.data, { by: 'administrator', reason: 'Lost phone', effectiveAt });
    assert.match((await w.mailsTo(who.email))[0]?.text ?? '', /an administrator of this service/);
    const answer = await w.client.send('GET', '/users/me/factors', { token: who.token });
    assert.equal(ok<{ resetAt: string }>(answer, 200).resetAt, effectiveAt);

    for (const _ of [1, 2]) ok(await admin(w, 'DELETE', `/users/${who.userId}/factors/reset`), 204);
    w.time.forward(2 * DAY);
    await runResets();
    assert.equal(await holdsAny(who), true);
  });

  test('where a role demands a factor, the next sign-in must set one up, without any grace', async () => {
    const role = await newRole(w, { mfa: 'required' });
    const who = await person([role]);
    ok(await reset(who), 202);
    w.time.forward(DAY);
    await runResets();
    const asked = refused(await login(who), 403, 'step_required');
    assert.deepEqual([asked.step, 'later' in asked], ['enroll_mfa', false]);
    refused(await complete(asked.flowToken ?? '', { later: true }), 400, 'token_invalid');
  });

  test('a sign-in that was under way when it takes effect is void', async () => {
    const who = await person();
    ok(await reset(who), 202);
    w.time.forward(DAY - MINUTE);
    const flowToken = await waiting(who);
    w.time.forward(MINUTE);
    await runResets();
    refused(await complete(flowToken, { code: who.app.code() }), 400, 'token_invalid');
  });

  test('fifty runs at once, and a cancellation beside them: reset once or not at all', async () => {
    for (let round = 0; round < 4; round++) {
      const who = await person();
      ok(await reset(who), 202);
      w.time.forward(DAY);
      const token = await root();
      const run = () => w.app.factorResets.carryOut(who.userId);
      const cancel = () => w.client.send('DELETE', `/admin/users/${who.userId}/factors/reset`, { token });
      await Promise.all(Array.from({ length: 50 }, (_, i) => (i === 3 * round ? cancel() : run())));
      const types = await typesOf(who);
      const count = (type: string) => types.filter((one) => one === type).length;
      assert.equal(count('factors.reset') + count('factors.reset_cancelled'), 1);
      assert.equal(await holdsAny(who), count('factors.reset') === 0);
    }
  });
});

test('the operator resets at once', async () => {
  const who = await person();
  await w.app.factorResets.resetNow(SYSTEM_CALLER, who.username);
  assert.equal(await holdsAny(who), false);
  refused(await w.client.send('GET', '/users/me', { token: who.token }), 401, 'unauthenticated');
  ok(await login(who), 200);
  await assert.rejects(w.app.factorResets.resetNow(SYSTEM_CALLER, who.username), { code: 'no_second_factor' });
  await assert.rejects(w.app.factorResets.resetNow(SYSTEM_CALLER, 'nobody.here'), { code: 'user_not_found' });
  await giveRoles(w, who.userId, ['user']);
});
