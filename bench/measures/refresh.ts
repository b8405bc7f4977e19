import { startChild } from '../lib/child.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type BenchDatabase, newDatabases } from '../lib/databases.ts';
import { ratioFigure } from '../lib/figure.ts';
import { compare, type Ratio } from '../lib/ratio.ts';
import { startRefreshing } from '../lib/refreshing.ts';
import type { RequestsResult } from '../load/requests.ts';

/** Clients that refresh at a time, each its own chain; as many transactions by hand at a time on PostgreSQL. */
const CLIENTS = 16;

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
  const { ostiary, load } = await startRefreshing(context, { database, clients: CLIENTS });
  // On the same tables; only one side works at a time.
  const raw = startChild(RAW[database.product], { cores: places.server, nodeArgs });
  await raw.call('prepare', { url: database.url, clients: CLIENTS });

  async function ours(seconds: number): Promise<number> {
    const { requests, duration } = await load.call<RequestsResult>('round', { url: ostiary.url, seconds });
    return requests / duration;
  }
  const theirs = (seconds: number) => raw.call<number>('round', { seconds });
  await theirs(plan.warmUp);
  await ours(plan.warmUp);
  const ratio = await compare(plan.rounds, { ours: () => ours(plan.seconds), theirs: () => theirs(plan.seconds) });
  await Promise.all([ostiary.stop(), load.stop(), raw.stop()]);
  return ratio;
}
