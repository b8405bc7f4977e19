import { variables } from '../../server/src/platform/config/variables.ts';
import { startTestServers } from '../../server/tools/test-servers/start.ts';
import { startChild } from '../lib/child.ts';
import type { Context, Measure } from '../lib/context.ts';
import type { BenchDatabase } from '../lib/databases.ts';
import { type Figure, ratioFigure } from '../lib/figure.ts';
import { USER_AGENT } from '../lib/http.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { emailOf, hashOf, insertPeople, PRODUCTION_COST } from '../lib/people.ts';
import { compare, type Ratio } from '../lib/ratio.ts';
import { type Served, serve } from '../lib/served.ts';
import { signIn } from '../lib/sign-in.ts';
import type { RequestsResult, SharedRound } from '../load/requests.ts';
import { GUARDED_PATH, ME_PATH } from '../servers/constant.ts';

/** Accounts; one of them signs in. */
const PEOPLE = 20;

export const cores: Measure = {
  name: 'cores',
  summary:
    'GET /users/me with Redis in two processes against one, beside what a second process gives bare Fastify here',
  async *run(context) {
    const postgres = await context.postgres();
    if (postgres === null) return;
    const servers = await startTestServers({ only: ['redis'], env: {} });
    try {
      if (servers.urls.redis === undefined) return;
      const database: BenchDatabase = { product: 'PostgreSQL', url: postgres };
      yield* measure(context, database, servers.urls.redis);
    } finally {
      await servers.stop();
    }
  },
};

async function* measure(context: Context, database: BenchDatabase, redis: string): AsyncGenerator<Figure> {
  const load = startChild('load/requests.ts', { cores: context.places.everywhere });
  const bare = await ofBare(context, (urls, seconds) => rate({ urls: at(urls, GUARDED_PATH), headers: {}, seconds }));
  yield ratioFigure('bare Fastify, two processes / one', bare, { unit: '/s' });

  const env = { REDIS_URL: redis };
  // Behind one port where the product can do that, otherwise two servers of one process each.
  const isOne = 'WORKERS' in variables;
  // Migrates, and lifts the rates of roles.
  await (await startOstiary(context, { database, cores: context.places.everywhere })).stop();
  const served: Served[] = [];
  try {
    for (const each of isOne ? [env, { ...env, WORKERS: '2' }] : [env, env, env])
      served.push(await serve(context, { database, env: each }));
    const [single, ...double] = served.map(({ url }) => url);
    await insertPeople(database, { crowd: 'a', count: PEOPLE, passwordHash: await hashOf(PRODUCTION_COST) });
    const { accessToken } = await signIn(single ?? '', emailOf('a', 1));
    const headers = { authorization: `Bearer ${accessToken}`, 'user-agent': USER_AGENT };
    const ratio = await twoAgainstOne(context, {
      one: (seconds) => rate({ urls: at([single ?? ''], ME_PATH), headers, seconds }),
      two: (seconds) => rate({ urls: at(double, ME_PATH), headers, seconds }),
    });
    const figure = ratioFigure('GET /users/me with Redis, two processes / one', ratio, {
      unit: '/s',
      aim: { at: 'least', value: Number(bare.value.toFixed(2)) },
    });
    yield { ...figure, detail: `${isOne ? 'WORKERS=2, one port' : 'two servers, two ports'}; ${figure.detail}` };
  } finally {
    await Promise.all([load.stop(), ...served.map((each) => each.stop())]);
  }

  async function rate(round: SharedRound): Promise<number> {
    const { requests, duration } = await load.call<RequestsResult>('sharedRound', round);
    return requests / duration;
  }
}

const at = (urls: string[], path: string) => urls.map((url) => `${url}${path}`);

/** What a second process gives where it costs nothing to have one. */
async function ofBare(context: Context, rate: (urls: string[], seconds: number) => Promise<number>): Promise<Ratio> {
  const children = [1, 2].map(() => startChild('servers/bare.ts', { cores: context.places.everywhere }));
  const urls = await Promise.all(children.map((child) => child.call<string>('listen', { me: {} })));
  const ratio = await twoAgainstOne(context, {
    one: (seconds) => rate(urls.slice(0, 1), seconds),
    two: (seconds) => rate(urls, seconds),
  });
  await Promise.all(children.map((child) => child.stop()));
  return ratio;
}

async function twoAgainstOne(
  { plan }: Context,
  sides: Record<'one' | 'two', (seconds: number) => Promise<number>>,
): Promise<Ratio> {
  await sides.one(plan.warmUp);
  await sides.two(plan.warmUp);
  return compare(plan.rounds, { ours: () => sides.two(plan.seconds), theirs: () => sides.one(plan.seconds) });
}
