import { constants, setPriority } from 'node:os';
import { startChild } from '../lib/child.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type BenchDatabase, newDatabases } from '../lib/databases.ts';
import type { Figure } from '../lib/figure.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { hashEnv, hashOf, insertPeople, PRODUCTION_COST } from '../lib/people.ts';
import { residentMemory } from '../lib/process-usage.ts';
import { percentile } from '../lib/statistics.ts';
import type { OverloadResult, OverloadRound } from '../load/overload.ts';

const TIMES = 4;
const SECONDS = 30;
const QUICK_SECONDS = 8;
const CLIENTS = 8;
/** So many that nobody's sessions reach the limit. */
const PEOPLE = 4000;
const MEMORY_PAUSE = 250;

export const overload: Measure = {
  name: 'overload',
  summary: `${TIMES} times as many sign-ins as the server can do: whom it turns away, how soon, and how the others fare`,
  async *run(context) {
    for (const database of await newDatabases(context)) yield* measureOn(context, database);
  },
};

async function* measureOn(context: Context, database: BenchDatabase): AsyncGenerator<Figure> {
  const { places, plan } = context;
  const cores = places.everywhere;
  const env = { ...hashEnv(PRODUCTION_COST), RATE_LIMIT_DEFAULT: '100/1m' };
  const ostiary = await startOstiary(context, { database, cores, env });
  await insertPeople(database, { crowd: 'a', count: PEOPLE, passwordHash: await hashOf(PRODUCTION_COST) });
  const load = startChild('load/overload.ts', { cores });
  const isPreferred = prefer(load.pid);
  const seconds = plan.quick ? QUICK_SECONDS : SECONDS;
  const round: OverloadRound = { url: ostiary.url, seconds, crowd: 'a', people: PEOPLE };

  await load.call('capacity', { ...round, seconds: plan.warmUp, clients: CLIENTS });
  const capacity = await load.call<number>('capacity', { ...round, seconds: 4 * plan.seconds, clients: CLIENTS });
  await ostiary.child.call('watchLoop');
  const memory = [residentMemory(ostiary.child.pid) ?? Number.NaN];
  const watch = setInterval(() => memory.push(residentMemory(ostiary.child.pid) ?? Number.NaN), MEMORY_PAUSE);
  const rate = TIMES * capacity;
  const refusing = load.call<OverloadResult>('round', { ...round, rate });
  const result = await refusing.finally(() => clearInterval(watch));
  const loop = await ostiary.child.call<number>('loopDelay');
  await Promise.all([ostiary.stop(), load.stop()]);
  const name = (what: string) => `overload on ${database.product}: ${what}`;
  yield* figures(name, result, { seconds, rate, capacity, isPreferred });
  const most = (value: number) => ({ at: 'most', value }) as const;
  yield {
    name: name('event loop, 99th percentile'),
    value: loop,
    unit: 'ms',
    aim: most(100),
    detail: 'how late it was',
  };
  yield {
    name: name('resident memory at most'),
    value: Math.max(...memory) / 1e6,
    unit: 'MB',
    aim: most(250),
    detail: `before it ${((memory[0] ?? 0) / 1e6).toFixed(0)} MB`,
  };
}

/** Lets the generator have a core whenever it wants one: what it is late by is added to what it measures. False: we may not. */
function prefer(pid: number): boolean {
  try {
    setPriority(pid, constants.priority.PRIORITY_HIGH);
    return true;
  } catch {
    return false;
  }
}

function* figures(
  name: (what: string) => string,
  { took, late, health }: OverloadResult,
  { seconds, rate, capacity, isPreferred }: { seconds: number; rate: number; capacity: number; isPreferred: boolean },
): Generator<Figure> {
  const { 200: accepted = [], 429: limited = [], 503: busy = [], ...others } = took;
  const refused = [...limited, ...busy];
  const strange = Object.entries(others).map(([status, { length }]) => `${length} × ${status}`);
  const spread = (values: number[]) =>
    `median ${percentile(values, 0.5).toFixed(0)} ms, 95 % in ${percentile(values, 0.95).toFixed(0)} ms, slowest ${percentile(values, 1).toFixed(0)} ms`;
  yield {
    name: name('sign-ins that went well'),
    value: accepted.length / seconds,
    unit: '/s',
    aim: { at: 'least', value: Math.floor(0.8 * capacity) },
    detail: `of ${rate.toFixed(0)} a second for ${seconds} s, ${TIMES} times the ${capacity.toFixed(0)} that it can do; the generator${isPreferred ? ', preferred by the system,' : ''} was late by ${percentile(late, 0.99).toFixed(0)} ms (99 %)`,
  };
  yield {
    name: name('those, 99th percentile'),
    value: percentile(accepted, 0.99),
    unit: 'ms',
    aim: { at: 'most', value: 1000 },
    detail: spread(accepted),
  };
  yield {
    name: name('those turned away, 99th percentile'),
    value: percentile(refused, 0.99),
    unit: 'ms',
    aim: { at: 'most', value: 50 },
    detail: `${limited.length} × 429, ${busy.length} × 503; ${spread(refused)}`,
  };
  yield {
    name: name('answered otherwise or not at all'),
    value: strange.length,
    unit: 'kinds',
    aim: { at: 'most', value: 0 },
    fails: strange.length > 0,
    detail: strange.join(', ') || 'none',
  };
  yield {
    name: name('/health meanwhile, 99th percentile'),
    value: percentile(health, 0.99),
    unit: 'ms',
    aim: { at: 'most', value: 50 },
    detail: `${health.length} answers, ${spread(health)}`,
  };
}
