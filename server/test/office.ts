import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import { HOUR, MINUTE } from '../src/platform/clock.ts';
import { createRandom, type Random } from './fuzz/random.ts';
import { LIMITED, newAccount } from './guessers.ts';
import { type Scene, withScene } from './scenario.ts';

/** The one address of everybody in the office. */
const OFFICE = { 'x-forwarded-for': '203.0.113.7' };
/** Milliseconds of a simulated day that pass between two looks at everybody. */
const TICK = MINUTE;
const DAY_LENGTH = 10 * HOUR;
/** Milliseconds within which everybody arrives. */
const ARRIVAL = 30 * MINUTE;
/** When everybody goes to lunch, and comes back to tabs whose tokens have run out. */
const LUNCH = { from: 3 * HOUR, until: 4 * HOUR };
/** Milliseconds that a lid may stay closed after an answer was lost. */
const LONGEST_SLEEP = 3 * HOUR;

/** A browser: its tabs share the cookies, and each keeps an access token of its own. */
interface Worker {
  login: string;
  password: string;
  /** By name. */
  cookies: Map<string, string>;
  isSignedIn: boolean;
  tabs: Tab[];
  arrivesAt: number;
  /** How often the fingers slip before the password is right. */
  slips: number;
}

interface Tab {
  token: string | null;
  /** The tab does nothing before this time: a closed lid, lunch, a meeting. */
  sleepsUntil: number;
}

export interface OfficeDay {
  signIns: number;
  slips: number;
  refreshes: number;
  lostAnswers: number;
  requests: number;
}

/**
 * A working day of an office whose people share one address: slips, a wave of sign-ins at nine, tabs that all wake together, answers that
 * are lost. Fails at the first honest request that must wait or that signs somebody out. The clock, and the steady time of the counters, are
 * simulated.
 */
export function spendDay(t: TestContext, { people, tabs, seed }: { people: number; tabs: number; seed: number }) {
  return withScene(
    async (s) => {
      const passTime = simulateTime(t, s);
      const random = createRandom(seed, 0);
      const workers: Worker[] = [];
      for (let i = 0; i < people; i++) {
        const { email, password } = await newAccount(s);
        const slips = random.chance(0.3) ? 1 + random.int(2) : 0;
        workers.push({
          login: email,
          password,
          cookies: new Map(),
          isSignedIn: false,
          tabs: Array.from({ length: tabs }, () => ({ token: null, sleepsUntil: 0 })),
          arrivesAt: random.int(ARRIVAL),
          slips,
        });
      }
      const day: OfficeDay = { signIns: 0, slips: 0, refreshes: 0, lostAnswers: 0, requests: 0 };
      for (let now = 0; now < DAY_LENGTH; now += TICK) {
        for (const worker of workers) await work(s, { worker, now, random, day });
        await passTime(TICK);
      }
      assert.equal(day.signIns, people, 'everybody signed in once, and stayed so');
      assert.ok(day.slips > 0 && day.lostAnswers > 0, JSON.stringify(day));
      t.diagnostic(JSON.stringify(day));
    },
    { env: LIMITED },
  );
}

/** Moves the clock and the steady time together; answers what does so. */
function simulateTime(t: TestContext, s: Scene): (milliseconds: number) => Promise<void> {
  const realNow = performance.now.bind(performance);
  let passed = 0;
  t.mock.method(performance, 'now', () => realNow() + passed);
  return async (milliseconds) => {
    passed += milliseconds;
    s.time.forward(milliseconds);
    await s.app.pollEvictions();
  };
}

interface Turn {
  worker: Worker;
  /** Milliseconds since the day began. */
  now: number;
  random: Random;
  day: OfficeDay;
}

/** What somebody does within one tick. */
async function work(s: Scene, { worker, now, random, day }: Turn): Promise<void> {
  if (now < worker.arrivesAt || (now >= LUNCH.from && now < LUNCH.until)) return;
  if (!worker.isSignedIn) return signIn(s, worker, day);
  const backAtOnce = now === LUNCH.until;
  const active = worker.tabs.filter((tab) => tab.sleepsUntil <= now && (backAtOnce || random.chance(0.03)));
  // All tabs find out together that their tokens have run out, and refresh together.
  const stale = [];
  for (const tab of active) if (!(await isServed(s, tab, day))) stale.push(tab);
  if (stale.length === 0) return;
  const isLost = random.chance(0.05);
  const answers = await Promise.all(stale.map(() => refresh(s, worker)));
  day.refreshes += answers.length;
  for (const answer of answers) demand(answer, 200);
  if (isLost) {
    day.lostAnswers += 1;
    const sleepsUntil = now + random.int(LONGEST_SLEEP);
    for (const tab of worker.tabs) tab.sleepsUntil = sleepsUntil;
    return;
  }
  for (const [i, tab] of stale.entries()) {
    const answer = answers[i] ?? assert.fail();
    keepCookies(worker, answer);
    tab.token = answer.json<{ accessToken: string }>().accessToken;
    assert.ok(await isServed(s, tab, day), 'a new token is good');
  }
}

/** One try a tick: a slip is noticed, and mended a minute later. */
async function signIn(s: Scene, worker: Worker, day: OfficeDay): Promise<void> {
  const isSlip = worker.slips > 0;
  // People mistype in different ways: one wrong password at many accounts is spraying.
  const slip = `${worker.password} ${worker.login}`;
  const body = { login: worker.login, password: isSlip ? slip : worker.password };
  const answer = await s.client.send('POST', '/auth/login', { body, headers: headersOf(worker) });
  demand(answer, isSlip ? 401 : 200);
  if (isSlip) {
    worker.slips -= 1;
    day.slips += 1;
    return;
  }
  day.signIns += 1;
  worker.isSignedIn = true;
  keepCookies(worker, answer);
  for (const tab of worker.tabs) tab.token = answer.json<{ accessToken: string }>().accessToken;
}

/** False where the tab's access token has run out. */
async function isServed(s: Scene, { token }: Tab, day: OfficeDay): Promise<boolean> {
  const answer = await s.client.send('GET', '/users/me', { token: token ?? assert.fail(), headers: OFFICE });
  day.requests += 1;
  if (answer.statusCode !== 401) demand(answer, 200);
  return answer.statusCode === 200;
}

function refresh(s: Scene, worker: Worker) {
  return s.client.send('POST', '/auth/refresh', { body: {}, headers: headersOf(worker) });
}

function headersOf({ cookies }: Worker): Record<string, string> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  return { ...OFFICE, 'sec-fetch-site': 'same-origin', ...(cookie && { cookie }) };
}

function keepCookies(worker: Worker, answer: LightMyRequestResponse): void {
  for (const field of [answer.headers['set-cookie'] ?? []].flat()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(field) ?? [];
    worker.cookies.set(name, value);
  }
}

function demand(answer: LightMyRequestResponse, status: number): void {
  assert.equal(answer.statusCode, status, `${answer.statusCode} instead of ${status}: ${answer.body}`);
}
