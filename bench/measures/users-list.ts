import { startChild } from '../lib/child.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type BenchDatabase, newDatabases, newSqlite } from '../lib/databases.ts';
import { type Figure, number } from '../lib/figure.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { ADMIN_ROLE, emailOf, giveRole, hashOf, insertPeople, PRODUCTION_COST } from '../lib/people.ts';
import { signIn } from '../lib/sign-in.ts';
import { percentile } from '../lib/statistics.ts';
import type { Kind, UsersListResult, UsersListRound } from '../load/users-list.ts';

const MANY = 1_000_000;
/** Enough that the pages read by cursor are deeper than any page by number. */
const REQUESTS = 150;

export const usersList: Measure = {
  name: 'users-list',
  summary: `GET /admin/users with ${number(MANY)} users: pages, searches, cursors (--quick: on SQLite)`,
  async *run(context) {
    // Filling PostgreSQL takes longer than a quick run may.
    const databases = context.plan.quick ? [newSqlite(context)] : await newDatabases(context);
    for (const database of databases) yield await measure(context, database);
  },
};

async function measure(context: Context, database: BenchDatabase): Promise<Figure> {
  const { places } = context;
  const ostiary = await startOstiary(context, { database, cores: places.server });
  await insertPeople(database, { crowd: 'a', count: MANY, passwordHash: await hashOf(PRODUCTION_COST) });
  await giveRole(database, emailOf('a', 1), ADMIN_ROLE);
  const { accessToken } = await signIn(ostiary.url, emailOf('a', 1));
  const load = startChild('load/users-list.ts', { cores: places.load });
  const round: UsersListRound = { url: ostiary.url, accessToken, crowd: 'a', people: MANY, requests: REQUESTS };
  await load.call('round', { ...round, requests: 10 });
  const times = await load.call<UsersListResult>('round', round);
  await Promise.all([ostiary.stop(), load.stop()]);

  const kinds = Object.entries(times) as [Kind, number[]][];
  const slowest = kinds.map(([kind, took]) => ({ kind, p95: percentile(took, 0.95) })).sort((a, b) => b.p95 - a.p95);
  const detail = slowest.map(({ kind, p95 }) => `${kind} ${p95.toFixed(1)}`).join(', ');
  return {
    name: `GET /admin/users, ${number(MANY)} users, ${database.product}, 95th percentile`,
    value: slowest[0]?.p95 ?? Number.NaN,
    unit: 'ms',
    aim: { at: 'most', value: 50 },
    detail: `of the slowest way to ask; ${REQUESTS} each: ${detail}`,
  };
}
