import { readFileSync } from 'node:fs';
import { startChild } from '../lib/child.ts';
import { besideCommitted, costIn } from '../lib/committed.ts';
import { startOurs } from '../lib/contenders.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type Sample, sampleLoad } from '../lib/core-load.ts';
import { newSqlite } from '../lib/databases.ts';
import { type Figure, number } from '../lib/figure.ts';
import { USER_AGENT } from '../lib/http.ts';
import { startRefreshing } from '../lib/refreshing.ts';
import { GUARDED_PATH } from '../servers/constant.ts';

/** The processor time of a request, in requests of bare Fastify, as it was when the file was last changed. */
const COMMITTED: Record<string, number> = JSON.parse(readFileSync(new URL('../ci.json', import.meta.url), 'utf8'));

const CLIENTS = 16;

/** Requests until a server has compiled what it runs often: by number, for a busy machine comes less far in the same seconds. */
const WARM_READS = 30_000;
const WARM_REFRESHES = 5000;
/** Seconds after which it must be warm anyway. */
const WARM_LIMIT = 30;

/** Loads one kind of request for so many seconds. */
type Take = (seconds: number) => Promise<Sample>;

export const ci: Measure = {
  name: 'ci',
  summary: 'processor time of a guarded route, GET /users/me and a refresh on SQLite, beside committed figures',
  apart: true,
  async *run(context) {
    const bare = await startBare(context);
    const load = startChild('load/requests.ts', { cores: context.places.load });
    const server = await startOurs(context);
    const ask =
      (path: string): Take =>
      (seconds) =>
        sampleLoad(load, server.pid, { url: `${server.url}${path}`, headers: server.me.headers, seconds });
    yield await figureOf(context, {
      name: 'guarded',
      shown: 'guarded route',
      ours: ask(GUARDED_PATH),
      theirs: bare.take,
      enough: WARM_READS,
    });
    yield await figureOf(context, {
      name: 'me',
      shown: 'GET /users/me',
      ours: ask(server.me.path),
      theirs: bare.take,
      enough: WARM_READS,
    });
    await Promise.all([server.stop(), load.stop()]);

    const refreshing = await startRefreshing(context, { database: newSqlite(context), clients: CLIENTS });
    const { ostiary } = refreshing;
    const refresh: Take = (seconds) => sampleLoad(refreshing.load, ostiary.child.pid, { url: ostiary.url, seconds });
    yield await figureOf(context, {
      name: 'refresh',
      shown: 'refresh',
      ours: refresh,
      theirs: bare.take,
      enough: WARM_REFRESHES,
    });
    await Promise.all([ostiary.stop(), refreshing.load.stop(), bare.stop()]);
  },
};

/** Bare Fastify with an answer that reads nothing: the unit. */
async function startBare({ places, nodeArgs }: Context): Promise<{ take: Take; stop(): Promise<void> }> {
  const bare = startChild('servers/bare.ts', { cores: places.server, nodeArgs });
  const load = startChild('load/requests.ts', { cores: places.load });
  const url = `${await bare.call<string>('listen', { me: {} })}${GUARDED_PATH}`;
  return {
    take: (seconds) => sampleLoad(load, bare.pid, { url, headers: { 'user-agent': USER_AGENT }, seconds }),
    stop: async () => void (await Promise.all([bare.stop(), load.stop()])),
  };
}

async function figureOf(
  context: Context,
  { name, shown, ours, theirs, enough }: { name: string; shown: string; ours: Take; theirs: Take; enough: number },
): Promise<Figure> {
  const committed = COMMITTED[name];
  if (committed === undefined) throw new TypeError(`bench/ci.json has no figure "${name}"`);
  await warmUp(theirs, WARM_READS);
  await warmUp(ours, enough);
  let samples = await takeInTurns(context, ours, theirs);
  // Noise seldom comes twice: what is still beyond the committed figure then is none.
  if (besideCommitted(costIn(samples), committed).fails) samples = await takeInTurns(context, ours, theirs);
  const micros = (costs: number[]) => `${number(1e6 * costIn({ ours: costs, theirs: [1] }))} µs`;
  return {
    name: `${shown}, processor time in requests of bare Fastify`,
    unit: 'ratio',
    ...besideCommitted(costIn(samples), committed),
    detail: `committed ${committed}; ${micros(samples.ours)} against ${micros(samples.theirs)}`,
  };
}

async function warmUp(take: Take, enough: number): Promise<void> {
  let answered = 0;
  for (let second = 0; second < WARM_LIMIT && answered < enough; second++) answered += (await take(1)).rate;
}

/** Seconds of processor time for each request, of each slice. Throws where nobody can tell processor time. */
async function takeInTurns({ plan }: Context, ours: Take, theirs: Take): Promise<{ ours: number[]; theirs: number[] }> {
  const costs = { ours: [] as number[], theirs: [] as number[] };
  const sides = { ours, theirs };
  for (let round = 0; round < plan.rounds; round++) {
    for (const side of round % 2 === 0 ? (['theirs', 'ours'] as const) : (['ours', 'theirs'] as const)) {
      const { perCoreSecond, busy } = await sides[side](plan.seconds);
      if (busy === null) throw new Error('processor time can be told on Linux only');
      costs[side].push(1 / perCoreSecond);
    }
  }
  return costs;
}
