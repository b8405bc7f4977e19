import { type Child, startChild } from './child.ts';
import type { Context } from './context.ts';
import type { BenchDatabase } from './databases.ts';
import { type Ostiary, startOstiary } from './ostiary.ts';
import { hashOf, insertPeople, PRODUCTION_COST } from './people.ts';

/** A session may refresh 30 times a minute: no client would come far. Counting costs less than a thousandth of a refresh. */
const NO_LIMITS = { RATE_LIMITS: 'off' };

/** A server, and a load whose `round` refreshes, with so many clients at a time that have signed in, each its own chain of tokens. */
export async function startRefreshing(
  context: Context,
  { database, clients }: { database: BenchDatabase; clients: number },
): Promise<{ ostiary: Ostiary; load: Child }> {
  const { places } = context;
  const ostiary = await startOstiary(context, { database, env: NO_LIMITS, cores: places.server });
  await insertPeople(database, { crowd: 'a', count: clients, passwordHash: await hashOf(PRODUCTION_COST) });
  const load = startChild('load/refresh.ts', { cores: places.load });
  await load.call('prepare', { url: ostiary.url, clients, crowd: 'a' });
  return { ostiary, load };
}
