import { type Child, startChild } from '../lib/child.ts';
import type { Context, Measure } from '../lib/context.ts';
import { type BenchDatabase, newDatabases, newSqlite } from '../lib/databases.ts';
import { type Figure, number, ratioFigure } from '../lib/figure.ts';
import { startOstiary } from '../lib/ostiary.ts';
import { type HashCost, hashEnv, hashOf, insertPeople, PRODUCTION_COST } from '../lib/people.ts';
import { ratioOf } from '../lib/ratio.ts';
import type { AccountsResult, AccountsRound } from '../load/accounts.ts';

const FEW = 20;
const MANY = 1_000_000;
/** The cheapest that may be configured: what the database costs is not hidden behind it. */
const CHEAPEST: HashCost = { memory: 8 * 1024, passes: 1 };
/** The same people sign in on both sides, so that their sessions are as many. */
const SIGNING_IN = FEW;
/** A second round of every comparison costs little beside filling the database. */
const EXTRA_ROUNDS = 2;

export const population: Measure = {
  name: 'population',
  summary: `registration and login with ${FEW} and with ${number(MANY)} users in the database`,
  async *run(context) {
    const few = await newDatabases(context);
    const many = await newDatabases(context);
    for (const [index, small] of few.entries()) {
      const large = many[index] ?? newSqlite(context);
      const unused = await hashOf(CHEAPEST);
      await insertAfterMigration(context, small, { crowd: 'b', count: 0, passwordHash: unused });
    }
  },
};
