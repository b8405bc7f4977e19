import { startChild } from '../lib/child.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type BenchDatabase, newDatabases } from '../lib/databases.ts';
import { ratioFigure } from '../lib/figure.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { hashOf, insertPeople, PRODUCTION_COST } from '../lib/people.ts';
import { compare, type Ratio } from '../lib/ratio.ts';

/** Clients that refresh at a time, each its own chain; as many transactions by hand at a time on PostgreSQL. */
const CLIENTS = 16;

/** A session may refresh 30 times a minute: no client would come far. Counting costs less than a thousandth of a refresh. */
const NO_LIMITS = { RATE_LIMITS: 'off' };

const RAW = { SQLite: 'servers/raw-sqlite.ts', PostgreSQL: 'servers/raw-postgres.ts' } as const;

export const refresh: Measure = {
  name: 'refresh',
  summary: 'refreshes over HTTP, against the same update and event written by hand on the raw driver',
  async *run(context) {
    for (const database of await newDatabases(context)) {
      const ratio = await measure(context, database);
      const name = `refresh / its transaction by hand, ${database.product}`;
      yield ratioFigure(name, ratio, { unit: '/s', aim: { at: 'least', value: 0.5 } });
    }
  },
};

async function measure(context: Context, database: BenchDatabase): Promise<Ratio> {
  const { places, plan, nodeArgs } = context;
  const ostiary = await startOstiary(context, { database, env: NO_LIMITS, cores: places.server });
  await insertPeople(database, { crowd: 'a', count: CLIENTS, passwordHash: await hashOf(PRODUCTION_COST) });
  const load = startChild('load/refresh.ts', { cores: places.load });
  await load.call('prepare', { url: ostiary.url, clients: CLIENTS, crowd: 'a' });
  // On the same tables; only one side works at a time.
  const raw = startChild(RAW[database.product], { cores: places.server, nodeArgs });
  await raw.call('prepare', { url: database.url, clients: CLIENTS });

  const ours = (seconds: number) => load.call<number>('round', { url: ostiary.url, seconds });
  const theirs = (seconds: number) => raw.call<number>('round', { seconds });
  await theirs(plan.warmUp);
  await ours(plan.warmUp);
  const ratio = await compare(plan.rounds, { ours: () => ours(plan.seconds), theirs: () => theirs(plan.seconds) });
  await Promise.all([ostiary.stop(), load.stop(), raw.stop()]);
  return ratio;
}
