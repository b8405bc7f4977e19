import { startChild } from '../lib/child.ts';
import type { Measure } from '../lib/context.ts';
import { newSqlite } from '../lib/databases.ts';
import { ratioFigure } from '../lib/figure.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { hashEnv, hashOf, insertPeople, PASSWORD, PRODUCTION_COST } from '../lib/people.ts';
import { compare } from '../lib/ratio.ts';
import { percentile } from '../lib/statistics.ts';
import type { LoginResult, LoginRound } from '../load/login.ts';
import type { RequestsResult } from '../load/requests.ts';
import type { Argon2Round } from '../servers/raw-argon2.ts';

/** So many sign-ins under way that the hashing never waits for one, and its queue never fills. */
const CLIENTS = 8;
/** So many people that nobody's sessions reach the limit. */
const PEOPLE = 2000;
/** The most computations that the server makes at a time, whatever the machine. */
export const MOST_AT_A_TIME = 3;

export const login: Measure = {
  name: 'login',
  summary: 'sign-ins against what argon2id alone could do on all cores, and /health meanwhile',
  async *run(context) {
    const { places, plan } = context;
    const database = newSqlite(context);
    const cores = places.everywhere;
    const ostiary = await startOstiary(context, { database, cores, env: hashEnv(PRODUCTION_COST) });
    const stored = await hashOf(PRODUCTION_COST);
    await insertPeople(database, { crowd: 'a', count: PEOPLE, passwordHash: stored });
    const raw = startChild('servers/raw-argon2.ts', { cores });
    const load = startChild('load/login.ts', { cores });
    const concurrency = Math.min(places.count, MOST_AT_A_TIME);
    const health: number[] = [];

    async function ours(seconds: number): Promise<number> {
      const round: LoginRound = { url: ostiary.url, seconds, clients: CLIENTS, crowd: 'a', people: PEOPLE };
      const result = await load.call<LoginResult>('round', round);
      health.push(...result.health);
      return result.perSecond;
    }
    async function theirs(seconds: number): Promise<number> {
      const round: Argon2Round = { seconds, concurrency, stored, password: PASSWORD };
      const { requests, duration } = await raw.call<RequestsResult>('round', round);
      return requests / duration;
    }

    await theirs(plan.warmUp);
    await ours(plan.warmUp);
    health.length = 0;
    // Longer rounds than elsewhere: a second holds few hashes.
    const seconds = plan.seconds * 1.5;
    const ratio = await compare(plan.rounds, { ours: () => ours(seconds), theirs: () => theirs(seconds) });
    await Promise.all([ostiary.stop(), raw.stop(), load.stop()]);

    yield ratioFigure('login / argon2id alone, all cores', ratio, { unit: '/s', aim: { at: 'least', value: 0.9 } });
    const detail = `${health.length} answers, median ${percentile(health, 0.5).toFixed(1)} ms, slowest ${percentile(health, 1).toFixed(1)} ms`;
    yield {
      name: '/health during those logins, 99th percentile',
      value: percentile(health, 0.99),
      unit: 'ms',
      aim: { at: 'most', value: 50 },
      detail,
    };
  },
};
