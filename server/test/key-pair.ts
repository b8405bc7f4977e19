import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeProtectedHeader, type JSONWebKeySet } from 'jose';
import { SECOND } from '../src/platform/clock.ts';
import { openTestApp, standingClock, type TestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { createWorld, type Member, member, signIn, type World } from './matrix/world.ts';
import { runningTime } from './running-time.ts';

/** A key as administrators see it. */
export interface AdminKey {
  id: string;
  use: 'sig' | 'enc';
  algorithm: string;
  status: 'next' | 'active' | 'retired';
  createdAt: string;
  activatedAt: string | null;
  retiredAt: string | null;
  validUntil: string | null;
}

/** Instances over one database, on one clock. */
export interface KeyWorld {
  here: World;
  there: TestApp;
  /** A superadmin. */
  boss: Member;
  /** Opens one more instance; `env` differs from that of the others. */
  more(env?: Record<string, string>): Promise<TestApp>;
}

export async function withKeys(
  freshUrl: () => Promise<{ url: string; drop(): Promise<void> }>,
  run: (k: KeyWorld) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ostiary-keys-'));
  const { url: databaseUrl, drop } = await freshUrl();
  const opened: TestApp[] = [];
  const time = standingClock();
  const more = async (other: Record<string, string> = {}) => {
    const t = await openTestApp({ databaseUrl, dataDir, time, env: { ...env, ...other } });
    opened.push(t);
    return t;
  };
  try {
    const one = await more();
    const here = await createWorld({ ...one, client: createClient(one), databaseUrl });
    const there = await more();
    await run({ here, there, boss: await member(here, ['superadmin']), more });
  } finally {
    for (const t of opened.reverse()) await t.close();
    await drop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Asks a route for keys, with a sign-in of this moment. */
export async function askKeys({ here, there, boss }: KeyWorld, method: 'GET' | 'POST', path = '', body?: unknown) {
  // The clock leaps over the second that each has to learn what the other did: it might sign with a key that is gone by now.
  await Promise.all([here, there].map(({ app }) => app.pollEvictions()));
  const { token } = await signIn(here, boss);
  return here.client.send(method, `/admin/keys${path}`, { token, ...(body !== undefined && { body }) });
}

/** All keys of a use. */
export async function keysOf(k: KeyWorld, use: AdminKey['use'] = 'sig'): Promise<AdminKey[]> {
  const { items } = ok<{ items: AdminKey[] }>(await askKeys(k, 'GET'), 200);
  return items.filter((key) => key.use === use);
}

export const kidOf = (token: string) => decodeProtectedHeader(token).kid;

/** The `kid`s of the published list. */
export async function published({ app }: TestApp): Promise<(string | undefined)[]> {
  return ok<JSONWebKeySet>(await app.http.inject('/.well-known/jwks.json'), 200).keys.map(({ kid }) => kid);
}

/** What a token is good for on an instance. */
export async function statusOf(t: TestApp, token: string): Promise<number> {
  return (await createClient(t).send('GET', '/users/me', { token })).statusCode;
}

/** Runs the hourly job, by its schedule, on each of them at the same time. */
export async function tick(...all: TestApp[]): Promise<void> {
  await Promise.all(all.map(({ app }) => app.scheduler.tick()));
  for (let round = 0; round < 2; round++) await Promise.all(all.map((t) => t.work()));
}

/** Runs the hourly job until the keys for tokens have these states: the instance itself may have taken the tick already. */
export async function becomes(k: KeyWorld, statuses: string, ...all: TestApp[]): Promise<AdminKey[]> {
  for (let tries = 0; ; tries++) {
    await tick(...all);
    const keys = await keysOf(k);
    const found = keys.map(({ status }) => status).join(' ');
    if (found === statuses) return keys;
    assert.ok(tries < 100, `${found} instead of ${statuses}`);
    await pause(50);
  }
}

/** Waits until another instance has learnt something; the contract gives it a second. */
export async function learns(what: () => Promise<boolean>): Promise<void> {
  const since = runningTime();
  while (!(await what())) {
    assert.ok(runningTime() - since < SECOND, 'learnt within a second of running time');
    await pause(20);
  }
}
