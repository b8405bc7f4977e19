import { startTestServers } from '../../server/tools/test-servers/start.ts';
import { againstBare, clockRemark } from '../lib/against-bare.ts';
import type { Context, Measure } from '../lib/context.ts';
import { newSqlite } from '../lib/databases.ts';
import { type Figure, ratioFigure } from '../lib/figure.ts';
import { GUARDED_PATH } from '../servers/constant.ts';

export const guarded: Measure = {
  name: 'guarded',
  summary: 'a guarded route without a read of its own, with and without Redis, against bare Fastify',
  async *run(context) {
    yield await figureOf(context, { name: 'guarded route / bare Fastify', least: 0.75, env: {} });
    const servers = await startTestServers({ only: ['redis'], env: {} });
    try {
      const { redis } = servers.urls;
      if (redis === undefined) return;
      const env = { REDIS_URL: redis };
      yield await figureOf(context, { name: 'guarded route with Redis / bare Fastify', least: 0.6, env });
    } finally {
      await servers.stop();
    }
  },
};

async function figureOf(
  context: Context,
  { name, least, env }: { name: string; least: number; env: Record<string, string> },
): Promise<Figure> {
  const result = await againstBare(context, newSqlite(context), GUARDED_PATH, env);
  const figure = ratioFigure(name, result.ratio, { unit: ' per core second', aim: { at: 'least', value: least } });
  return { ...figure, detail: figure.detail + clockRemark(result) };
}
