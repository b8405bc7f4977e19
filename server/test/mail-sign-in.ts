import assert from 'node:assert/strict';
import { signInSecret } from '../src/modules/email-sign-in/secrets.ts';
import { createKeyring } from '../src/platform/crypto/keyring.ts';
import type { TestApp } from './app.ts';
import { ok, type SignedInBody, tokenIn } from './client.ts';
import { makeEvent, makeUser } from './fixtures.ts';
import { LIMITED } from './guessers.ts';
import { type Scene, somebody } from './scenario.ts';
import { until } from './until.ts';

/** Signing in by code and by link; clients that a proxy tells apart. */
export const BY_LINK = { EMAIL_SIGN_IN: 'link', TRUSTED_PROXIES: LIMITED.TRUSTED_PROXIES };

export interface Flow {
  flowToken: string;
  expiresIn: number;
}

type More = Record<string, unknown>;

/** Asks for a mail. `from`: the client's address. */
export const ask = (s: Scene, email: string, { from = '192.0.2.1', cookie = '', ...more }: More = {}) =>
  s.client.send('POST', '/auth/email-code', {
    body: { email, ...more },
    headers: { 'x-forwarded-for': String(from), ...(cookie !== '' && { cookie: String(cookie) }) },
  });

export const asked = async (s: Scene, email: string, more: More = {}): Promise<Flow> =>
  ok<Flow>(await ask(s, email, more), 202);

/** Sends a code or a link, of what a mail has the code. Without a cookie, so that the flow token of the body counts. */
export const verify = (
  s: Scene,
  { expiresIn: _, token, ...body }: More & { code?: string; token?: string },
  { from = '192.0.2.1', cookie = '' }: More = {},
) =>
  s.client.send('POST', '/auth/email-code/verify', {
    body: { tokenTransport: 'body', ...body, ...(body.code === undefined && token !== undefined && { token }) },
    headers: { 'x-forwarded-for': String(from), ...(cookie !== '' && { cookie: String(cookie) }) },
  });

/** The challenge that a flow token names. */
export function challengeOf(flowToken: string): string {
  const hex = Buffer.from(flowToken, 'base64url').toString('hex', 4, 20);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Code and token of a flow, derived as its mail does, also where none is sent. */
export async function derivedSecrets({ app, config }: TestApp, flowToken: string, email: string) {
  const challenge = (await app.storage.challenges.find(challengeOf(flowToken))) ?? assert.fail('it was not stored');
  const user = await app.storage.users.findByEmail(email);
  return signInSecret(createKeyring(config.secretKeys), challenge, user) ?? assert.fail();
}

/** Code and token of a mail that signs in. */
export function secretsIn(text: string | undefined): { code: string; token: string } {
  const code = /^ {4}(\d{8})$/m.exec(text ?? '')?.[1] ?? assert.fail(`There is no code of eight digits: ${text}`);
  return { code, token: tokenIn(text) };
}

/** The newest mail that signs in. Another instance may have taken the event, and be about to mail it. */
export async function signInMail(s: Scene, email: string) {
  const isCode = ({ text }: { text: string }) => /^ {4}\d{8}$/m.test(text);
  const mail = await until(`a code for ${email}`, async () => (await s.mailsTo(email)).find(isCode) ?? null);
  return secretsIn(mail.text);
}

/** How many mails that sign in have come. */
export const signInMails = async (s: Scene, email: string) =>
  (await s.mailsTo(email)).filter(({ text }) => /^ {4}\d{8}$/m.test(text)).length;

/** Asks and reads the mail. */
export async function begin(s: Scene, email: string, more: More = {}) {
  const flow = await asked(s, email, more);
  return { ...flow, ...(await signInMail(s, email)) };
}

export async function signInByMail(s: Scene, email: string): Promise<SignedInBody> {
  const { flowToken, code } = await begin(s, email);
  return ok(await verify(s, { flowToken, code }), 200);
}

/** Another code of eight digits. */
export const wrong = (code: string, by = 1) => String((Number(code) + by) % 1e8).padStart(8, '0');

type Fields = Parameters<typeof makeUser>[0];

/** An account that nobody has to register for. */
export async function makeAccount(s: Scene, fields: Fields = {}) {
  const { email, password, username } = somebody();
  const passwordHash = await s.app.hasher.hash(password);
  const clean = { emailChange: null, emailMove: null, invitation: null, mustChangePassword: false, avatarId: null };
  const names = { email, emailNorm: email, username, usernameKey: username };
  const user = makeUser({ ...names, passwordHash, ...clean, emailVerified: true, locale: null, ...fields });
  await s.app.storage.users.insert(user, makeEvent(`user:${user.id}`, { userId: user.id, pending: false }));
  return { id: user.id, email, password };
}
