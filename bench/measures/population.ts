import { type Child, startChild } from '../lib/child.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type BenchDatabase, newDatabases, newSqlite } from '../lib/databases.ts';
import { type Figure, number, ratioFigure } from '../lib/figure.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { CHEAPEST, type Crowd, type HashCost, hashEnv, hashOf, insertPeople, PRODUCTION_COST } from '../lib/people.ts';
import { ratioOf } from '../lib/ratio.ts';
import type { AccountsResult, AccountsRound } from '../load/accounts.ts';

/** People who sign in, in either database: alone in one, among the many in the other. */
const FEW = 20;
const MANY = 1_000_000;

/** Each round in so many slices: what else the machine does then falls on both sides. */
const SLICES = 3;

const AIM = { at: 'most', value: 1.2 } as const;

export const population: Measure = {
  name: 'population',
  summary: `registration and login with ${FEW} and with ${number(MANY)} users in the database (--quick: on SQLite, cheapest hashing)`,
  async *run(context) {
    const { quick } = context.plan;
    // Filling PostgreSQL takes longer than a quick run may.
    const few = quick ? [newSqlite(context)] : await newDatabases(context);
    const many = quick ? [newSqlite(context)] : await newDatabases(context);
    for (const [index, small] of few.entries()) {
      const large = many[index];
      if (!large) continue;
      const cheap = { label: 'cheapest hashing', cost: CHEAPEST, crowd: 'a' } as const;
      yield* comparePopulations(context, { small, large }, { ...cheap, registrations: 4, logins: 14, fill: true });
      if (quick) continue;
      const usual = { label: 'production hashing', cost: PRODUCTION_COST, crowd: 'c' } as const;
      yield* comparePopulations(context, { small, large }, { ...usual, registrations: 2, logins: 6, fill: false });
    }
  },
};

interface Setting {
  label: string;
  cost: HashCost;
  /** Those who sign in; their hashes are of this cost. */
  crowd: Crowd;
  registrations: number;
  logins: number;
  /** Whether the large database is still to be filled. */
  fill: boolean;
}

async function* comparePopulations(
  context: Context,
  { small, large }: { small: BenchDatabase; large: BenchDatabase },
  { label, cost, crowd, registrations, logins, fill }: Setting,
): AsyncGenerator<Figure> {
  const { places, plan } = context;
  const load = startChild('load/accounts.ts', { cores: places.load });
  const env = { ...hashEnv(cost), SMTP_URL: await load.call<string>('open') };
  const passwordHash = await hashOf(cost);
  const servers = [];
  for (const database of [small, large]) {
    servers.push(await startOstiary(context, { database, cores: places.server, env }));
    await insertPeople(database, { crowd, count: FEW, passwordHash });
  }
  if (fill) await insertPeople(large, { crowd: 'b', count: MANY - FEW, passwordHash });

  const [smallUrl = '', largeUrl = ''] = servers.map(({ url }) => url);
  const pairs: { ours: AccountsResult; theirs: AccountsResult }[] = [];
  const round: Omit<AccountsRound, 'url'> = { registrations, logins, crowd, people: FEW };
  // The first slice warms up.
  for (let index = 0; index <= plan.rounds * SLICES; index++) {
    const urls = { ours: largeUrl, theirs: smallUrl };
    const pair = index % 2 === 0 ? await inTurn(load, round, urls) : await inTurn(load, round, urls, 'ours first');
    if (index > 0) pairs.push(pair);
  }
  await Promise.all([load.stop(), ...servers.map((server) => server.stop())]);

  for (const what of ['registration', 'login'] as const) {
    const ratio = ratioOf(pairs.map(({ ours, theirs }) => ({ ours: ours[what], theirs: theirs[what] })));
    const name = `${what}, ${number(MANY)} / ${FEW} users, ${small.product}, ${label}`;
    yield ratioFigure(name, ratio, { unit: ' ms', aim: AIM });
  }
}

async function inTurn(
  load: Child,
  round: Omit<AccountsRound, 'url'>,
  urls: { ours: string; theirs: string },
  order?: 'ours first',
): Promise<{ ours: AccountsResult; theirs: AccountsResult }> {
  const measure = (url: string) => load.call<AccountsResult>('round', { ...round, url });
  if (order) {
    const ours = await measure(urls.ours);
    return { ours, theirs: await measure(urls.theirs) };
  }
  const theirs = await measure(urls.theirs);
  return { theirs, ours: await measure(urls.ours) };
}
