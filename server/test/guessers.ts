import assert from 'node:assert/strict';
import type { LightMyRequestResponse } from 'fastify';
import { SYSTEM_CALLER } from '../src/platform/http/system-caller.ts';
import type { Person } from './client.ts';
import { atOnce, type Client, type Scene, somebody } from './scenario.ts';

/** The limits as they are in production, for clients that a proxy tells apart. */
export const LIMITED = { RATE_LIMITS: 'on', TRUSTED_PROXIES: '127.0.0.0/8' };

/** What a device keeps: of a browser a cookie, of others what was in the body. */
export type Kept = { cookie: string } | { deviceToken: string } | Record<string, never>;

export interface Attempt {
  login: string;
  password: string;
  /** The address that the proxy tells. */
  from: string;
  kept?: Kept;
  more?: object;
}

let clients = 0;

/** An address that this process has not had before. */
export function newAddress(): string {
  clients += 1;
  return `10.${(clients >> 16) & 255}.${(clients >> 8) & 255}.${clients & 255}`;
}

export function logIn(client: Client, { login, password, from, kept = {}, more = {} }: Attempt) {
  const { cookie, deviceToken } = kept as { cookie?: string; deviceToken?: string };
  const body = { login, password, ...(deviceToken && { deviceToken }), ...more };
  return client.send('POST', '/auth/login', { body, headers: { 'x-forwarded-for': from, ...(cookie && { cookie }) } });
}

/** One wrong password, from a client that nobody has seen before unless the attempt says otherwise. */
export function guess(client: Client, login: string, attempt: Partial<Attempt> = {}): Promise<LightMyRequestResponse> {
  const from = newAddress();
  return logIn(client, { login, password: `guess from ${from}`, from, ...attempt });
}

/** As many wrong passwords as there is room for at once, each from another client; answers how many were looked at. */
export async function exhaust(client: Client, login: string, clientCount = 8): Promise<number> {
  const answers = await atOnce(clientCount, () => guess(client, login));
  return answers.filter(({ statusCode }) => statusCode === 401).length;
}

/** Somebody with an account, who never signed in anywhere. */
export async function newAccount(s: Pick<Scene, 'app'>, fields: Partial<Person> = {}) {
  const person = somebody(fields);
  const { id } = await s.app.setup.createUser(SYSTEM_CALLER, { ...person, superadmin: false });
  return { ...person, id };
}

/** What an answer makes its device keep. */
export function keptOf(answer: LightMyRequestResponse): Kept {
  const fields = [answer.headers['set-cookie']].flat().map(String);
  const cookie = fields.find((field) => field.startsWith('ostiary-device='))?.split(';', 1)[0];
  if (cookie !== undefined) return { cookie };
  const { deviceToken } = answer.json<{ deviceToken?: string }>();
  assert.ok(deviceToken, `something to keep: ${answer.body}`);
  return { deviceToken };
}
