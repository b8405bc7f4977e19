import { againstBare, clockRemark } from '../lib/against-bare.ts';
import type { Measure } from '../lib/context.ts';
import { newDatabases, newSqlite } from '../lib/databases.ts';
import { ratioFigure } from '../lib/figure.ts';
import { ME_PATH } from '../servers/constant.ts';

/** Where what is shown is remembered. */
const AIMS: Partial<Record<string, number>> = { SQLite: 0.65, PostgreSQL: 0.5 };

export const me: Measure = {
  name: 'me',
  summary: 'GET /users/me on each database (--quick: on SQLite), against bare Fastify with the same answer',
  async *run(context) {
    const databases = context.plan.quick ? [newSqlite(context)] : await newDatabases(context);
    for (const database of databases) {
      const result = await againstBare(context, database, ME_PATH);
      const aim = AIMS[database.product];
      const figure = ratioFigure(`GET /users/me on ${database.product} / bare Fastify`, result.ratio, {
        unit: ' per core second',
        ...(aim !== undefined && { aim: { at: 'least', value: aim } }),
      });
      yield { ...figure, detail: figure.detail + clockRemark(result) };
    }
  },
};
