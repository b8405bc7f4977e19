import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../lib/child.ts';
import type { Measure } from '../lib/context.ts';
import { newSqlite } from '../lib/databases.ts';
import { number } from '../lib/figure.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { CHEAPEST, emailOf, hashEnv, hashOf, insertPeople, PASSWORD } from '../lib/people.ts';
import { residentMemory } from '../lib/process-usage.ts';
import type { RequestsResult } from '../load/requests.ts';
import type { SignInsRound } from '../load/sign-ins.ts';

const SIGN_INS = 100_000;
const QUICK_SIGN_INS = 5000;
const CLIENTS = 8;
/** So many people that few sessions are ended because somebody has too many. */
const PEOPLE = 10_000;
/** Milliseconds after which a server that nobody asks counts as idle, and as settled. */
const IDLE_AFTER = 5000;
const SETTLED_AFTER = 30_000;
const LOOK_EVERY = 250;

export const memory: Measure = {
  name: 'memory',
  summary: `resident memory before and after ${number(SIGN_INS)} sign-ins, 10 minutes or more (--quick: ${number(QUICK_SIGN_INS)})`,
  apart: true,
  async *run(context) {
    const { places, plan } = context;
    const database = newSqlite(context);
    const ostiary = await startOstiary(context, { database, cores: places.everywhere, env: hashEnv(CHEAPEST) });
    const { pid } = ostiary.child;
    if (residentMemory(pid) === null) {
      await ostiary.stop();
      return;
    }
    const resident = () => (residentMemory(pid) ?? Number.NaN) / 1e6;
    await insertPeople(database, { crowd: 'a', count: PEOPLE, passwordHash: await hashOf(CHEAPEST) });
    const load = startChild('load/sign-ins.ts', { cores: places.everywhere });
    await sleep(IDLE_AFTER);
    const idle = resident();

    let highest = idle;
    const watch = setInterval(() => {
      highest = Math.max(highest, resident());
    }, LOOK_EVERY);
    const people = Array.from({ length: PEOPLE }, (_, index) => emailOf('a', index + 1));
    const round: SignInsRound = {
      url: ostiary.url,
      path: '/api/v1/auth/login',
      headers: {},
      bodies: people.map((login) => ({ login, password: PASSWORD, tokenTransport: 'body' })),
      clients: CLIENTS,
      count: plan.quick ? QUICK_SIGN_INS : SIGN_INS,
      triesAgain: true,
    };
    const counted = load.call<RequestsResult>('round', round);
    const { requests, duration } = await counted.finally(() => clearInterval(watch));
    const after = resident();
    await load.stop();
    await sleep(SETTLED_AFTER);
    const settled = resident();
    await ostiary.stop();

    yield {
      name: `memory above idle, ${SETTLED_AFTER / 1000} s after ${number(requests)} sign-ins`,
      value: settled - idle,
      unit: 'MB',
      aim: { at: 'most', value: 20 },
      detail: `idle ${number(idle)} MB, at most ${number(highest)}, right after ${number(after)}, in the end ${number(settled)}; ${number(requests / duration)} sign-ins a second, each from an address of its own`,
    };
  },
};
