import type { RequestsResult, RequestsRound } from '../load/requests.ts';
import { ME_PATH } from '../servers/constant.ts';
import { startChild } from './child.ts';
import type { Context } from './context.ts';
import type { BenchDatabase } from './databases.ts';
import { number } from './figure.ts';
import { createHttpClient, expectStatus, USER_AGENT } from './http.ts';
import { startOstiary } from './ostiary.ts';
import { emailOf, hashOf, insertPeople, PRODUCTION_COST } from './people.ts';
import { cpuSeconds } from './process-usage.ts';
import { compare, type Ratio } from './ratio.ts';
import { signIn } from './sign-in.ts';
import { median } from './statistics.ts';

/** Each round in so many slices: the shorter they are, the more alike is what else the machine does during both sides. */
const SLICES = 4;

/** One side of one slice. */
interface Sample {
  /** Requests per second of the clock. */
  rate: number;
  /** The share of that time in which the server's core worked for it; null where nobody can tell. */
  busy: number | null;
}

export interface AgainstBare {
  /** Requests for each second that the server's core worked for it: what it answers with one core to itself. */
  ratio: Ratio;
  /** Medians. */
  ours: Sample;
  theirs: Sample;
}

/**
 * What one core answers of one path: Ostiary, asked by somebody who is signed in, against bare Fastify with the same answer.
 * Counted per second of processor time, not of the clock: otherwise a load generator that is too slow, or whatever else the
 * machine does, would flatter whoever needs more.
 */
export async function againstBare(context: Context, database: BenchDatabase, path: string): Promise<AgainstBare> {
  const { places, plan, nodeArgs } = context;
  const ostiary = await startOstiary(context, { database, cores: places.server });
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
    const before = cpuSeconds(pid);
    const round: RequestsRound = { url: `${url}${path}`, headers, seconds };
    const { requests, duration } = await load.call<RequestsResult>('round', round);
    const after = cpuSeconds(pid);
    const worked = before === null || after === null ? null : after - before;
    samples[side].push({ rate: requests / duration, busy: worked === null ? null : worked / duration });
    return requests / (worked ?? duration);
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

function middle(samples: Sample[]): Sample {
  const busy = samples.map((sample) => sample.busy).filter((share) => share !== null);
  return { rate: median(samples.map(({ rate }) => rate)), busy: busy.length > 0 ? median(busy) : null };
}

/** How it looked by the clock. */
export function clockRemark({ ours, theirs }: AgainstBare): string {
  const side = ({ rate, busy }: Sample) =>
    `${number(rate)}/s${busy === null ? '' : ` with ${Math.round(busy * 100)} % of a core`}`;
  return `; by the clock ${side(ours)} against ${side(theirs)}`;
}
