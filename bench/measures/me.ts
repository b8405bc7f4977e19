import { againstBare, clockRemark } from '../lib/against-bare.ts';
import type { Measure } from '../lib/context.ts';
import { newDatabases, newSqlite } from '../lib/databases.ts';
import { ratioFigure } from '../lib/figure.ts';
import { ME_PATH } from '../servers/constant.ts';

export const me: Measure = {
  name: 'me',
  summary: 'GET /users/me on each database (--quick: on SQLite), against bare Fastify with the same answer',
  async *run(context) {
    const databases = context.plan.quick ? [newSqlite(context)] : await newDatabases(context);
    for (const database of databases) {
      const result = await againstBare(context, database, ME_PATH);
      const figure = ratioFigure(`GET /users/me on ${database.product} / bare Fastify`, result.ratio, {
        unit: ' per core second',
        ...(database.product === 'SQLite' && { aim: { at: 'least', value: 0.5 } }),
      });
      yield { ...figure, detail: figure.detail + clockRemark(result) };
    }
  },
};
