import { againstBare, clockRemark } from '../lib/against-bare.ts';
import type { Measure } from '../lib/context.ts';
import { newSqlite } from '../lib/databases.ts';
import { ratioFigure } from '../lib/figure.ts';
import { GUARDED_PATH } from '../servers/constant.ts';

export const guarded: Measure = {
  name: 'guarded',
  summary: 'a guarded route without a read of its own, against bare Fastify',
  async *run(context) {
    const result = await againstBare(context, newSqlite(context), GUARDED_PATH);
    const figure = ratioFigure('guarded route / bare Fastify', result.ratio, {
      unit: ' per core second',
      aim: { at: 'least', value: 0.75 },
    });
    yield { ...figure, detail: figure.detail + clockRemark(result) };
  },
};
