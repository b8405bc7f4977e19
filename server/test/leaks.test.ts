import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin } from './administration.ts';
import { codeIn, ok, tokenIn } from './client.ts';
import { testDatabases } from './databases.ts';
import { service } from './key-verbs.ts';
import { secretsIn } from './mail-sign-in.ts';
import { createWorld } from './matrix/world.ts';
import { cookieOf, somebody } from './scenario.ts';
import { everything, type WatchedScene, withWatchedScene } from './watched-app.ts';

const SECRET_KEY = 'Xk7 canary of the secret key, 0123456789';
/** What a client claims of itself, where no proxy is trusted. */
const CLAIMED = { 'x-forwarded-for': '203.0.113.77', 'x-real-ip': '203.0.113.77', forwarded: 'for=203.0.113.77' };

/** Every kind of secret, genuine. */
async function secretsOf(s: WatchedScene): Promise<Record<string, string>> {
  const w = await createWorld(s);
  const person = somebody({ password: 'Xk7-canary-of-a-password' });
  const { accessToken, refreshToken, deviceToken = '', user } = await s.client.register(person);
  const credentials = { login: person.email, password: person.password };
  const withCookies = await s.client.send('POST', '/auth/login', { body: credentials });
  ok(await s.client.send('POST', '/auth/request-password-reset', { body: { email: person.email } }), 202);
  const reset = tokenIn((await s.mailsTo(person.email)).find(({ text }) => text.includes('#token='))?.text);
  const move = { token: accessToken, body: { newEmail: 'moved@example.org' } };
  ok(await s.client.send('POST', '/users/me/email', move), 202);
  const { email } = somebody();
  ok(await admin(w, 'POST', '/users', { email }), 201);
  const temporary = somebody();
  const { user: waiting } = await s.client.register(temporary);
  const temporaryPassword = 'Xk7-canary-of-a-temporary-one';
  ok(await admin(w, 'POST', `/users/${waiting.id}/temporary-password`, { temporaryPassword }), 204);
  const asked = await s.client.send('POST', '/auth/login', {
    body: { login: temporary.email, password: temporaryPassword },
  });
  assert.ok(user.id);
  const mailed = await s.client.send('POST', '/auth/email-code', { body: { email: waiting.email } });
  const signIn = secretsIn((await s.mailsTo(waiting.email)).find(({ text }) => /^ {4}\d{8}$/m.test(text))?.text);
  return {
    password: person.password,
    temporaryPassword,
    accessToken,
    refreshToken,
    deviceToken,
    reset,
    cookie: cookieOf(withCookies).value,
    deviceCookie: cookieOf(withCookies, 'device').value,
    flow: asked.json<{ flowToken: string }>().flowToken,
    emailFlow: ok<{ flowToken: string }>(mailed, 202).flowToken,
    signInCode: signIn.code,
    signInLink: signIn.token,
    invitation: tokenIn((await s.mailsTo(email))[0]?.text),
    changeCode: codeIn((await s.mailsTo('moved@example.org'))[0]?.text),
    administrator: w.root,
    apiKey: (await service(w)).secret,
  };
}

/** Puts a secret wherever a client could put it by mistake, or with intent. */
async function misuse(s: WatchedScene, secret: string): Promise<string[]> {
  const json = { 'content-type': 'application/json' };
  const heard: string[] = [];
  const send: typeof s.client.send = async (method, path, options = {}) => {
    const answer = await s.client.send(method, path, { ...options, headers: { ...CLAIMED, ...options.headers } });
    heard.push(answer.body, JSON.stringify(answer.headers));
    return answer;
  };
  const inPath = encodeURIComponent(secret);
  for (const path of [`/${inPath}`, `/users/by-name/${inPath}`, `/users/me?token=${inPath}`, `/sessions/${inPath}`]) {
    await send('GET', path);
    await send('DELETE', path, { token: `${secret}x` });
  }
  for (const authorization of [`Bearer ${secret}x`, `Basic ${secret}`, secret, `Bearer ${secret} ${secret}`]) {
    await send('GET', '/users/me', { headers: { authorization } });
  }
  await send('POST', '/auth/refresh', { headers: { cookie: `ostiary=${secret}x; ostiary-device=${secret}` } });
  await send('GET', '/users/me', {
    headers: { 'user-agent': 'x', referer: secret, origin: secret, 'x-request-id': `${secret} ` },
  });
  const fields = [
    'token',
    'flowToken',
    'refreshToken',
    'code',
    'registrationId',
    'login',
    'email',
    'password',
    'newPassword',
  ];
  for (const path of [
    'login',
    'register',
    'refresh',
    'logout',
    'reset-password',
    'verify-email',
    'complete-step',
    'accept-invitation',
    'email-code',
    'email-code/verify',
    'keys/report',
  ]) {
    for (const field of fields) await send('POST', `/auth/${path}`, { body: { [field]: [secret] } });
    await send('POST', `/auth/${path}`, { body: { [secret]: secret } });
    await send('POST', `/auth/${path}`, { body: `{"token":"${secret}"`, headers: json });
    await send('POST', `/auth/${path}`, { body: secret, headers: { 'content-type': 'text/plain' } });
    await send('POST', `/auth/${path}`, { body: `{"token":"${secret.padEnd(300_000)}"}`, headers: json });
  }
  // Typed into the wrong field, and counted there.
  await send('POST', '/auth/login', { body: { login: secret.slice(0, 320), password: secret } });
  await send('POST', '/auth/reset-password', { body: { token: `${secret}x`, newPassword: 'feeds the cat at eight' } });
  await send('POST', '/auth/complete-step', {
    body: { flowToken: `${secret}x`, newPassword: 'feeds the cat at eight' },
  });
  await send('POST', '/auth/accept-invitation', { body: { token: `${secret}x`, password: 'feeds the cat at eight' } });
  await send('POST', '/auth/email-code/verify', { body: { flowToken: `${secret}x`, token: `${secret}x` } });
  return heard;
}

/** Everything that the database holds, as text. */
async function heldBy({ database }: WatchedScene): Promise<string> {
  return JSON.stringify(await everything(database), (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );
}

for (const { name, freshUrl } of testDatabases()) {
  test(`secrets come out nowhere, wherever they are put in: answers, log, tables (${name})`, () =>
    withWatchedScene(
      async (s) => {
        const secrets = await secretsOf(s);
        const heard: string[] = [];
        for (const secret of Object.values(secrets)) heard.push(...(await misuse(s, secret)));
        await breakUsers(s);
        for (const secret of Object.values(secrets)) heard.push(...(await misuse(s, secret)));
        await s.work().catch(() => {});

        const log = s.log.join('');
        const held = await heldBy(s);
        assert.ok(
          log.includes('/auth/accept-invitation') && held.includes('moved@example.org'),
          'both show what there is',
        );
        const never = { ...secrets, secretKey: SECRET_KEY, claimed: CLAIMED['x-real-ip'] };
        for (const [kind, secret] of Object.entries(never)) {
          // Six or eight digits are found in any log; as a value of their own they are not.
          const shape = /Code$/.test(kind) ? new RegExp(`(?<![\\w.-])${secret}(?![\\w.-])`) : null;
          const isIn = (text: string) => (shape ? shape.test(text) : text.includes(secret));
          assert.ok(!isIn(log), `${kind} in the log: ${s.log.find((line) => isIn(line))}`);
          assert.ok(!isIn(held), `${kind} in the database`);
          assert.ok(!heard.some(isIn), `${kind} in an answer: ${heard.find(isIn)}`);
        }
      },
      {
        freshUrl,
        env: {
          SECRET_KEY,
          API_KEYS: 'on',
          EMAIL_SIGN_IN: 'link',
          RATE_LIMITS: 'on',
          RATE_LIMIT_DEFAULT: '100000/1m',
        },
      },
    ));
}

/** From now on the database fails where users are read, in a way that nobody foresaw. */
async function breakUsers(s: WatchedScene): Promise<void> {
  const { users } = s.app.storage;
  const failing = async (): Promise<never> => {
    throw new Error('a statement failed');
  };
  Object.assign(users, { findByEmail: failing, findByUsernameKey: failing, find: failing } satisfies Partial<
    typeof users
  >);
}
