import { readFileSync } from 'node:fs';
import { againstBare } from '../lib/against-bare.ts';
import { startChild } from '../lib/child.ts';
import { besideCommitted } from '../lib/committed.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type Sample, SLICES, sampleLoad } from '../lib/core-load.ts';
import { newSqlite } from '../lib/databases.ts';
import { number } from '../lib/figure.ts';
import { USER_AGENT } from '../lib/http.ts';
import { compare, type Ratio } from '../lib/ratio.ts';
import { startRefreshing } from '../lib/refreshing.ts';
import { GUARDED_PATH, ME_PATH } from '../servers/constant.ts';

/** The processor time of a request, in requests of bare Fastify, as it was when the file was last changed. */
const COMMITTED: Record<Cost['name'], number> = JSON.parse(
  readFileSync(new URL('../ci.json', import.meta.url), 'utf8'),
);

const CLIENTS = 16;

interface Cost {
  name: 'guarded' | 'me' | 'refresh';
  shown: string;
  /** Requests for each second of processor time, against those of bare Fastify. Null where nobody can tell processor time. */
  measure(context: Context): Promise<Ratio | null>;
}

const COSTS: Cost[] = [
  { name: 'guarded', shown: 'guarded route', measure: (context) => ofRoute(context, GUARDED_PATH) },
  { name: 'me', shown: 'GET /users/me', measure: (context) => ofRoute(context, ME_PATH) },
  { name: 'refresh', shown: 'refresh', measure: ofRefresh },
];

export const ci: Measure = {
  name: 'ci',
  summary: 'processor time of a guarded route, GET /users/me and a refresh on SQLite, beside committed figures',
  apart: true,
  async *run(context) {
    for (const { name, shown, measure } of COSTS) {
      let ratio = await measure(context);
      // Noise seldom comes twice: what is still beyond the committed figure then is no noise.
      if (ratio && besideCommitted(1 / ratio.value, COMMITTED[name]).fails) ratio = await measure(context);
      if (!ratio) throw new Error('processor time can be told on Linux only');
      const { ours, theirs, lowest, highest } = ratio;
      yield {
        name: `${shown}, processor time in requests of bare Fastify`,
        unit: 'ratio',
        ...besideCommitted(1 / ratio.value, COMMITTED[name]),
        detail: `committed ${COMMITTED[name]}; ${number(1e6 / ours)} µs against ${number(1e6 / theirs)}; rounds ${(1 / highest).toFixed(2)} to ${(1 / lowest).toFixed(2)}`,
      };
    }
  },
};

async function ofRoute(context: Context, path: string): Promise<Ratio | null> {
  const { ratio, ours } = await againstBare(context, newSqlite(context), path);
  return ours.busy === null ? null : ratio;
}

/** A refresh, all of it, against an answer of bare Fastify that reads nothing. */
async function ofRefresh(context: Context): Promise<Ratio | null> {
  const { places, plan, nodeArgs } = context;
  const { ostiary, load } = await startRefreshing(context, { database: newSqlite(context), clients: CLIENTS });
  const bare = startChild('servers/bare.ts', { cores: places.server, nodeArgs });
  const bareLoad = startChild('load/requests.ts', { cores: places.load });
  const url = `${await bare.call<string>('listen', { me: {} })}${GUARDED_PATH}`;
  const headers = { 'user-agent': USER_AGENT };

  const sample = {
    ours: (seconds: number) => sampleLoad(load, ostiary.child.pid, { url: ostiary.url, seconds }),
    theirs: (seconds: number) => sampleLoad(bareLoad, bare.pid, { url, headers, seconds }),
  };
  await sample.theirs(plan.warmUp);
  const { busy } = await sample.ours(plan.warmUp);
  const perCoreSecond = async (sampled: Promise<Sample>) => (await sampled).perCoreSecond;
  const ratio = await compare(plan.rounds * SLICES, {
    ours: () => perCoreSecond(sample.ours(plan.seconds / SLICES)),
    theirs: () => perCoreSecond(sample.theirs(plan.seconds / SLICES)),
  });
  await Promise.all([ostiary.stop(), bare.stop(), load.stop(), bareLoad.stop()]);
  return busy === null ? null : ratio;
}
