import { ME_PATH } from '../servers/constant.ts';
import { startChild } from './child.ts';
import type { Context } from './context.ts';
import { type Sample, SLICES, sampleLoad } from './core-load.ts';
import type { BenchDatabase } from './databases.ts';
import { number } from './figure.ts';
import { createHttpClient, expectStatus, USER_AGENT } from './http.ts';
import { startOstiary } from './ostiary.ts';
import { emailOf, hashOf, insertPeople, PRODUCTION_COST } from './people.ts';
import { compare, type Ratio } from './ratio.ts';
import { signIn } from './sign-in.ts';
import { median } from './statistics.ts';

export interface AgainstBare {
  /** Requests for each second that the server's core worked for it: what it answers with one core to itself. */
  ratio: Ratio;
  /** Medians. */
  ours: Omit<Sample, 'perCoreSecond'>;
  theirs: Omit<Sample, 'perCoreSecond'>;
}

/** What one core answers of one path: Ostiary, asked by somebody who is signed in, against bare Fastify with the same answer. */
export async function againstBare(
  context: Context,
  database: BenchDatabase,
  path: string,
  env: Record<string, string> = {},
): Promise<AgainstBare> {
  const { places, plan, nodeArgs } = context;
  const ostiary = await startOstiary(context, { database, env, cores: places.server });
  await insertPeople(database, { crowd: 'a', count: 20, passwordHash: await hashOf(PRODUCTION_COST) });
  const { accessToken } = await signIn(ostiary.url, emailOf('a', 1));
  const headers = { authorization: `Bearer ${accessToken}`, 'user-agent': USER_AGENT };
  const me = expectStatus(await createHttpClient(ostiary.url)('GET', ME_PATH, { headers }), 200);

  const bare = startChild('servers/bare.ts', { cores: places.server, nodeArgs });
  const load = startChild('load/requests.ts', { cores: places.load });
  const bareUrl = await bare.call<string>('listen', { me });

  const samples = { ours: [] as Sample[], theirs: [] as Sample[] };
  async function measure(side: 'ours' | 'theirs', seconds: number): Promise<number> {
    const { pid, url } =
      side === 'ours' ? { pid: ostiary.child.pid, url: ostiary.url } : { pid: bare.pid, url: bareUrl };
    const sample = await sampleLoad(load, pid, { url: `${url}${path}`, headers, seconds });
    samples[side].push(sample);
    return sample.perCoreSecond;
  }

  await measure('theirs', plan.warmUp);
  await measure('ours', plan.warmUp);
  const ratio = await compare(plan.rounds * SLICES, {
    ours: () => measure('ours', plan.seconds / SLICES),
    theirs: () => measure('theirs', plan.seconds / SLICES),
  });
  await Promise.all([ostiary.stop(), bare.stop(), load.stop()]);
  return { ratio, ours: middle(samples.ours), theirs: middle(samples.theirs) };
}

function middle(samples: Sample[]): Omit<Sample, 'perCoreSecond'> {
  const busy = samples.map((sample) => sample.busy).filter((share) => share !== null);
  return { rate: median(samples.map(({ rate }) => rate)), busy: busy.length > 0 ? median(busy) : null };
}

/** How it looked by the clock. */
export function clockRemark({ ours, theirs }: AgainstBare): string {
  const side = ({ rate, busy }: Omit<Sample, 'perCoreSecond'>) =>
    `${number(rate)}/s${busy === null ? '' : ` with ${Math.round(busy * 100)} % of a core`}`;
  return `; by the clock ${side(ours)} against ${side(theirs)}`;
}
