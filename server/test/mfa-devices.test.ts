import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import { DAY } from '../src/platform/clock.ts';
import { admin } from './administration.ts';
import { ok } from './client.ts';
import { createWorld, giveRoles, type Member, member, newRole, type World } from './matrix/world.ts';
import { openScene, refused } from './scenario.ts';
import { type App, addApp } from './second-factor.ts';

const HTTPS = { PUBLIC_URL: 'https://auth.example.com' };
const NAME = '__Host-ostiary-trust';
const GUARDED = '/admin/routes';

let w: World;
before(async () => {
  w = await createWorld(await openScene({ env: HTTPS }));
});
after(() => w.close());

interface Person extends Member {
  app: App;
}

async function person(roles: readonly string[] = ['user']): Promise<Person> {
  const made = await member(w, roles);
  return { ...made, app: await addApp(w, made) };
}

/** A browser: what it keeps of the answers. */
function browser() {
  const jar: Record<string, string> = {};
  const keep = (answer: LightMyRequestResponse) => {
    for (const field of [answer.headers['set-cookie'] ?? []].flat()) {
      const [name = '', value = ''] = String(field).split(';', 1)[0]?.split(/=(.*)/s) ?? [];
      if (value === '') delete jar[name];
      else jar[name] = value;
    }
    return answer;
  };
  const headers = () => ({
    cookie: Object.entries(jar)
      .map((pair) => pair.join('='))
      .join('; '),
    'sec-fetch-site': 'same-origin',
  });
  return {
    jar,
    async post(path: string, body: object, token?: string) {
      return keep(await w.client.send('POST', path, { body, headers: headers(), ...(token && { token }) }));
    },
  };
}
type Browser = ReturnType<typeof browser>;

const login = (b: Browser, { email, password }: Pick<Person, 'email' | 'password'>) =>
  b.post('/auth/login', { login: email, password });

/** Signs in with the app, and asks to trust the browser. */
async function trust(b: Browser, who: Person): Promise<LightMyRequestResponse> {
  const asked = refused(await login(b, who), 403, 'step_required');
  assert.equal(asked.step, 'mfa');
  return b.post('/auth/complete-step', { flowToken: asked.flowToken, code: who.app.code(), trustDevice: true });
}

const factorsOf = async ({ token }: Pick<Person, 'token'>) =>
  ok<{ trustedDevices: { id: string }[]; requiredBy: string[] }>(
    await w.client.send('GET', '/users/me/factors', { token }),
    200,
  );

describe('a trusted browser', () => {
  test('is asked for no second factor after the password, in a cookie that scripts do not see', async () => {
    const [b, who] = [browser(), await person()];
    const answer = await trust(b, who);
    ok(answer, 200);
    const field = [answer.headers['set-cookie'] ?? []].flat().find((one) => String(one).startsWith(`${NAME}=`));
    assert.match(String(field), /; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    const { accessToken: token } = ok<{ accessToken: string }>(await login(b, who), 200);
    assert.equal((await factorsOf({ token })).trustedDevices.length, 1);
    // Somebody else's browser is asked.
    refused(await login(browser(), who), 403, 'step_required');
    refused(
      await b.post('/auth/login', { login: who.email, password: 'not the password' }),
      401,
      'invalid_credentials',
    );
  });

  test('is never fresh, however new the sign-in; and it refreshes only while it is trusted', async () => {
    const [b, who] = [browser(), await person()];
    ok(await trust(b, who), 200);
    const { accessToken: token } = ok<{ accessToken: string }>(await login(b, who), 200);
    refused(await b.post('/users/me/lock-down', {}, token), 401, 'reauth_required');
    const weak = await b.post('/auth/reauthenticate', { password: who.password }, token);
    refused(weak, 401, 'reauth_required');
    ok(await b.post('/auth/refresh', {}), 200);
    const [{ id = '' } = {}] = (await factorsOf({ token })).trustedDevices;
    ok(await w.client.send('DELETE', `/users/me/trusted-devices/${id}`, { token }), 204);
    refused(
      await w.client.send('DELETE', `/users/me/trusted-devices/${id}`, { token }),
      404,
      'trusted_device_not_found',
    );
    assert.equal(refused(await b.post('/auth/refresh', {}), 403, 'step_required').step, 'mfa');
    refused(await login(b, who), 403, 'step_required');
  });

  test('of one person is nothing to another; two people may share it', async () => {
    const [b, ada, ben] = [browser(), await person(), await person()];
    ok(await trust(b, ada), 200);
    refused(await login(b, ben), 403, 'step_required');
    ok(await trust(b, ben), 200);
    ok(await login(b, ada), 200);
    ok(await login(b, ben), 200);
    // The same cookie, of whom it is not.
    const forged = browser();
    forged.jar[NAME] = (b.jar[NAME] ?? '')
      .split('.')
      .map((token) => `${token.slice(0, -4)}AAAA`)
      .join('.');
    refused(await login(forged, ada), 403, 'step_required');
  });

  test('is one no more after its time', async () => {
    const [b, who] = [browser(), await person()];
    ok(await trust(b, who), 200);
    w.time.forward(30 * DAY - 1000);
    ok(await login(b, who), 200);
    w.time.forward(1000);
    refused(await login(b, who), 403, 'step_required');
  });

  for (const [name, end] of Object.entries({
    'a new password': async (_b: Browser, who: Person, token: string) => {
      const body = { currentPassword: who.password, newPassword: 'feeds the cat at eight' };
      ok(await w.client.send('POST', '/auth/change-password', { token, body }), 204);
      who.password = body.newPassword;
    },
    'a change of factors': async (_b: Browser, who: Person, token: string) => {
      const answer = await w.client.send('GET', '/users/me/factors', { token });
      const [{ id = '' } = {}] = ok<{ totp: { id: string }[] }>(answer, 200).totp;
      const again = await addApp(w, { token });
      ok(await w.client.send('DELETE', `/users/me/factors/totp/${id}`, { token }), 204);
      who.app = again;
    },
    'a lock-down': async (_b: Browser, _who: Person, token: string) => {
      ok(await w.client.send('POST', '/users/me/lock-down', { token, body: {} }), 204);
      refused(await w.client.send('GET', '/users/me', { token }), 401, 'unauthenticated');
    },
    'the end of all trust': async (_b: Browser, _who: Person, token: string) => {
      ok(await w.client.send('DELETE', '/users/me/trusted-devices', { token }), 204);
      ok(await w.client.send('DELETE', '/users/me/trusted-devices', { token }), 204);
    },
  })) {
    test(`is one no more after ${name}`, async () => {
      const [b, who] = [browser(), await person()];
      const { accessToken: token } = ok<{ accessToken: string }>(await trust(b, who), 200);
      ok(await login(b, who), 200);
      const { [NAME]: kept = '' } = b.jar;
      await end(b, who, token);
      b.jar[NAME] = kept;
      refused(await login(b, who), 403, 'step_required');
    });
  }

  test('ten at most: the earliest goes', async () => {
    const who = await person();
    const browsers = Array.from({ length: 11 }, browser);
    for (const b of browsers) ok(await trust(b, who), 200);
    const [first = assert.fail(), second = assert.fail()] = browsers;
    refused(await login(first, who), 403, 'step_required');
    ok(await login(second, who), 200);
  });
});

describe('roles', () => {
  test('power from a trusted browser only where every demanding role allows it', async () => {
    const permissions = [`GET:/api/v1${GUARDED}`];
    const lax = await newRole(w, { permissions, mfa: 'required', trustDevices: true });
    const strict = await newRole(w, { permissions: ['GET:/api/v1/admin/events'], mfa: 'required' });
    const [b, who] = [browser(), await person([lax])];
    ok(await trust(b, who), 200);
    const { accessToken: token } = ok<{ accessToken: string }>(await login(b, who), 200);
    ok(await w.client.send('GET', GUARDED, { token }), 200);

    ok(await admin(w, 'PATCH', `/roles/${lax}`, { mfa: 'phishing_resistant' }), 200);
    refused(await w.client.send('GET', GUARDED, { token }), 403, 'mfa_required');
    ok(await admin(w, 'PATCH', `/roles/${lax}`, { mfa: 'required' }), 200);
    ok(await w.client.send('GET', GUARDED, { token }), 200);

    await giveRoles(w, who.userId, [lax, strict]);
    refused(await w.client.send('GET', '/admin/events', { token }), 403, 'mfa_required');
    refused(await login(b, who), 403, 'step_required');
    const other = browser();
    const asked = refused(await login(other, who), 403, 'step_required');
    assert.equal('trustDevice' in asked, false);
    const listed = (await factorsOf({ token })).trustedDevices;
    const { flowToken } = asked;
    ok(await other.post('/auth/complete-step', { flowToken, code: who.app.code(), trustDevice: true }), 200);
    assert.deepEqual((await factorsOf({ token })).trustedDevices, listed);
    assert.equal(other.jar[NAME], undefined);
  });

  test('the session of a trusted browser ends with the last factor that it excused from', async () => {
    const role = await newRole(w, { permissions: [`GET:/api/v1${GUARDED}`], mfa: 'required', trustDevices: true });
    const [b, who] = [browser(), await person([role])];
    const { accessToken } = ok<{ accessToken: string }>(await trust(b, who), 200);
    ok(await login(b, who), 200);
    await giveRoles(w, who.userId, ['user']);
    const answer = await w.client.send('GET', '/users/me/factors', { token: accessToken });
    const [{ id = '' } = {}] = ok<{ totp: { id: string }[] }>(answer, 200).totp;
    ok(await w.client.send('DELETE', `/users/me/factors/totp/${id}`, { token: accessToken }), 204);
    refused(await b.post('/auth/refresh', {}), 401, 'refresh_invalid');
  });
});
