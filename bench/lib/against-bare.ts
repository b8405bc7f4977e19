import { ME_PATH } from '../servers/constant.ts';
import { loadUrl } from './autocannon.ts';
import { startChild } from './child.ts';
import type { Context } from './context.ts';
import type { BenchDatabase } from './databases.ts';
import { createHttpClient, expectStatus, USER_AGENT } from './http.ts';
import { startOstiary } from './ostiary.ts';
import { emailOf, hashOf, insertPeople, PRODUCTION_COST } from './people.ts';
import { cpuSeconds } from './process-usage.ts';
import { compare, type Ratio } from './ratio.ts';
import { signIn } from './sign-in.ts';
import { median } from './statistics.ts';

export interface AgainstBare {
  ratio: Ratio;
  /** How busy the server's core was, 0 to 1: below about 0.95 the load was the bottleneck. Null where nobody can tell. */
  busy: { ours: number; theirs: number } | null;
}

/** Requests per second of one path: Ostiary, asked by somebody who is signed in, against bare Fastify with the same answer. */
export async function againstBare(context: Context, database: BenchDatabase, path: string): Promise<AgainstBare> {
  const { places, plan, nodeArgs } = context;
  const ostiary = await startOstiary(context, { database, cores: places.server });
  await insertPeople(database, { crowd: 'a', count: 20, passwordHash: await hashOf(PRODUCTION_COST) });
  const { accessToken } = await signIn(ostiary.url, emailOf('a', 1));
  const headers = { authorization: `Bearer ${accessToken}`, 'user-agent': USER_AGENT };
  const me = expectStatus(await createHttpClient(ostiary.url)('GET', ME_PATH, { headers }), 200);

  const bare = startChild('servers/bare.ts', { cores: places.server, nodeArgs });
  const bareUrl = await bare.call<string>('listen', { me });

  const busy = { ours: [] as number[], theirs: [] as number[] };
  async function measure(side: 'ours' | 'theirs', seconds: number): Promise<number> {
    const { pid, url } =
      side === 'ours' ? { pid: ostiary.child.pid, url: ostiary.url } : { pid: bare.pid, url: bareUrl };
    const before = cpuSeconds(pid);
    const rate = await loadUrl(`${url}${path}`, { cores: places.load, seconds, headers });
    const after = cpuSeconds(pid);
    if (before !== null && after !== null) busy[side].push((after - before) / seconds);
    return rate;
  }

  await measure('theirs', plan.warmUp);
  await measure('ours', plan.warmUp);
  const ratio = await compare(plan.rounds, {
    ours: () => measure('ours', plan.seconds),
    theirs: () => measure('theirs', plan.seconds),
  });
  await Promise.all([ostiary.stop(), bare.stop()]);
  return {
    ratio,
    busy: busy.ours.length > 0 ? { ours: median(busy.ours), theirs: median(busy.theirs) } : null,
  };
}

/** A remark where the load, and not the server, may have been the limit. */
export function busyRemark({ busy }: AgainstBare): string {
  if (busy === null) return '';
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  return `; server core busy ${percent(busy.ours)} against ${percent(busy.theirs)}`;
}
