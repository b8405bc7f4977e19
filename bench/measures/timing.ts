import { startChild } from '../lib/child.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type BenchDatabase, newDatabases } from '../lib/databases.ts';
import { discriminate } from '../lib/discrimination.ts';
import type { Figure } from '../lib/figure.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { CHEAPEST, demandNewPassword, emailOf, hashEnv, hashOf, insertPeople } from '../lib/people.ts';
import { median } from '../lib/statistics.ts';
import { ENDPOINT_NAMES, type TimingResult, type TimingWorld } from '../load/timing-endpoints.ts';

/** Answers about somebody, and as many about nobody. */
const SAMPLES = 300;
const QUICK_SAMPLES = 100;
const PEOPLE = 400;
/** The one who must choose another password. */
const WAITING = emailOf('a', PEOPLE);
/** How well the two may be told apart by one answer's time; 0.5 is not at all. */
const MOST = 0.55;

export const timing: Measure = {
  name: 'timing',
  summary:
    'whether the time of an answer tells that an account exists, on twelve endpoints (fails where it does beyond doubt)',
  async *run(context) {
    for (const database of await newDatabases(context)) yield* measure(context, database);
  },
};

async function* measure(context: Context, database: BenchDatabase): AsyncGenerator<Figure> {
  const { places, plan } = context;
  const load = startChild('load/timing.ts', { cores: places.load });
  // Not in production: there is no /auth/token.
  const env = {
    ...hashEnv(CHEAPEST),
    ENVIRONMENT: 'test',
    RATE_LIMITS: 'off',
    SMTP_URL: await load.call<string>('open'),
  };
  const ostiary = await startOstiary(context, { database, cores: places.server, env });
  await insertPeople(database, { crowd: 'a', count: PEOPLE, passwordHash: await hashOf(CHEAPEST) });
  await demandNewPassword(database, WAITING);
  const samples = plan.quick ? QUICK_SAMPLES : SAMPLES;
  await load.call('prepare', { url: ostiary.url, waiting: WAITING, samples } satisfies TimingWorld);
  for (const name of ENDPOINT_NAMES) {
    yield figureOf(`${name}, ${database.product}`, await load.call<TimingResult>('round', name));
  }
  await Promise.all([ostiary.stop(), load.stop()]);
}

/** The area under the curve on the side of 0.5 where it is greater: slower and faster tell alike. */
function figureOf(name: string, { known, unknown }: TimingResult): Figure {
  const { auc, low, high } = discriminate(known, unknown);
  const interval = `95 % interval ${low.toFixed(3)} to ${high.toFixed(3)}`;
  const medians = `medians ${median(known).toFixed(2)} ms known, ${median(unknown).toFixed(2)} ms unknown`;
  return {
    name: `known or unknown by time: ${name}`,
    value: Math.max(auc, 1 - auc),
    unit: 'ratio',
    aim: { at: 'most', value: MOST },
    fails: low > MOST || high < 1 - MOST,
    detail: `AUC ${auc.toFixed(3)}, ${interval}; ${medians}; ${known.length} each`,
  };
}
