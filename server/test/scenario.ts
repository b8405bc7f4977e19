import assert from 'node:assert/strict';
import type { LightMyRequestResponse } from 'fastify';
import type { Module } from '../src/module.ts';
import { openTestApp, type TestApp } from './app.ts';
import { createClient, type Person } from './client.ts';
import { type FreshDatabase, testDatabases } from './databases.ts';

export type Client = ReturnType<typeof createClient>;

/** A server on a database of its own, and a client of it. */
export interface Scene extends TestApp {
  client: Client;
  databaseUrl: string;
}

export interface SceneOptions {
  freshUrl?: (() => Promise<FreshDatabase>) | undefined;
  env?: Record<string, string>;
  /** As `openTestApp` has them. */
  longestWait?: number;
  modules?: readonly Module[];
  patience?: number;
}

const [sqlite] = testDatabases({});
assert.ok(sqlite);

/** A SQLite database that is migrated: for scenarios that are the same on every database. */
export const freshSqlite = sqlite.freshUrl;

/** A SQLite database without any table: for first starts. */
export const emptySqlite = sqlite.emptyUrl;

/** Opens a server on a database of its own; closing it drops that. */
export async function openScene({ freshUrl = freshSqlite, ...options }: SceneOptions = {}): Promise<Scene> {
  const { url, drop } = await freshUrl();
  const t = await openTestApp({ databaseUrl: url, ...options });
  const close = async () => {
    await t.close();
    await drop();
  };
  return { ...t, close, client: createClient(t), databaseUrl: url };
}

/** Runs a scenario on a server and a database of its own. */
export async function withScene(run: (s: Scene) => Promise<void>, options: SceneOptions = {}): Promise<void> {
  const scene = await openScene(options);
  try {
    await run(scene);
  } finally {
    await scene.close();
  }
}

/** What ends a user's sessions, grants and credentials when it grows. */
export async function epochsOf({ app }: Pick<Scene, 'app'>, userId: string) {
  const user = (await app.storage.users.find(userId)) ?? assert.fail(`there is no user ${userId}`);
  const { sessionEpoch, grantEpoch, credentialEpoch } = user;
  return { sessionEpoch, grantEpoch, credentialEpoch };
}

let people = 0;

/** Somebody whom no other scenario of this process knows. */
export function somebody(fields: Partial<Person> = {}): Required<Person> {
  people += 1;
  const name = `person${people}`;
  return { email: `${name}@example.com`, username: name, password: 'walks the dog at seven', ...fields };
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  requestId: string;
  detail?: string;
  errors?: { in: string; path: string; message: string }[];
  step?: string;
  flowToken?: string;
  puzzle?: { challenge: string; bits: number; expiresIn: number };
}

const MEMBERS = new Set(['type', 'title', 'status', 'code', 'detail', 'requestId', 'errors']);

/** What some codes tell beyond that. */
const MORE_MEMBERS: Record<string, string[]> = {
  step_required: ['step', 'flowToken', 'expiresIn', 'methods', 'hint', 'resendAfter', 'later', 'trustDevice'],
  reauth_required: ['accept'],
  proof_required: ['puzzle'],
  unavailable: ['checks'],
  passkey_invalid: ['signal'],
  password_too_short: ['minLength'],
  password_too_long: ['maxLength'],
  link_elsewhere: ['confirm', 'hint'],
};

/** The problem document (RFC 9457) of an answer; asserts its status, its code and its whole shape. */
export function refused(response: LightMyRequestResponse, status: number, code: string): Problem {
  const said = `${response.statusCode} ${response.body}`;
  assert.equal(response.statusCode, status, said);
  assert.match(String(response.headers['content-type']), /^application\/problem\+json(;|$)/, said);
  const problem = response.json<Problem>();
  assert.equal(problem.code, code, said);
  assert.equal(problem.status, status);
  assert.equal(typeof problem.type, 'string');
  assert.ok(problem.title.length > 0);
  assert.equal(problem.requestId, response.headers['x-request-id']);
  const more = MORE_MEMBERS[code] ?? [];
  const strange = Object.keys(problem).filter((member) => !MEMBERS.has(member) && !more.includes(member));
  assert.deepEqual(strange, [], said);
  if (status === 429 || status === 503) assert.match(String(response.headers['retry-after']), /^[1-9]\d*$/);
  return problem;
}

/** The cookie of the session, or of the device, that an answer sets, with its attributes in lower case. */
export function cookieOf(
  response: LightMyRequestResponse,
  kind: 'session' | 'device' = 'session',
): { name: string; value: string; attributes: string[] } {
  const all = [response.headers['set-cookie']].flat().filter((field) => field !== undefined);
  const fields = all.filter((field) => /^[^=]*-device=/.test(field) === (kind === 'device'));
  assert.equal(fields.length, 1, `one cookie: ${fields.join(' | ')}`);
  const [pair = '', ...attributes] = String(fields[0]).split(/;\s*/);
  const [name = '', value = ''] = pair.split(/=(.*)/s);
  return { name, value, attributes: attributes.map((attribute) => attribute.toLowerCase()) };
}

export const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' };

/** How often each outcome came, as `{ '200': 1, '401 refresh_invalid': 49 }`. */
export function tally(responses: LightMyRequestResponse[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const response of responses) {
    const code = response.statusCode >= 400 ? ` ${response.json<Problem>().code}` : '';
    const key = `${response.statusCode}${code}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** So many calls at the same time. */
export function atOnce<T>(count: number, call: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => call(index)));
}
