import { subscribe } from 'node:diagnostics_channel';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { sql } from 'kysely';
import { loadConfig } from '../../server/src/platform/config/load-config.ts';
import type { Database } from '../../server/src/platform/database/database.ts';
import { lowerPoolPriority } from '../../server/src/platform/process/pool-priority.ts';
import { createLog } from '../../server/src/platform/telemetry/log.ts';
import { openApp, openDatabase } from '../../server/src/start.ts';
import { answerCalls } from '../lib/calls.ts';
import { CONSTANT, constantSchema, GUARDED_PATH, ME_PATH, PERMITTED_ME_PATH, PERMITTED_PATH } from './constant.ts';

/** The route that is registered for a path, once it is: Fastify announces every instance that it makes. */
function watchRoute(path: string): () => RouteOptions {
  let found: RouteOptions | undefined;
  subscribe('fastify.initialization', (message) => {
    (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', (route) => {
      if (route.url === path && route.method === 'GET') found = { ...route };
    });
  });
  return () => {
    if (!found) throw new Error(`there is no GET ${path}`);
    return found;
  };
}

/** Milliseconds between two looks at the clock. */
const LOOK_EVERY = 10;
const loop = monitorEventLoopDelay({ resolution: LOOK_EVERY });

/** The roles' rates stay and count, but nobody reaches them. Before anything has read them. */
async function liftRates(database: Database): Promise<void> {
  if (database.kind === 'sql')
    await sql`update roles set rate_max = 1000000, rate_window_seconds = 1`.execute(database.db);
}

/**
 * The real server, as `ostiary serve` composes it, with three routes more: two that have nothing to do, one for who is signed in and one behind a
 * permission, and GET /users/me once more, behind a permission.
 */
answerCalls({
  async listen() {
    const me = watchRoute(ME_PATH);
    const { config } = loadConfig({ env: process.env, cwd: process.cwd() });
    const log = createLog(config.log);
    const database = await openDatabase(config, log);
    const { app } = await openApp({ config, database, log });
    await liftRates(database);
    await app.http.register(async (routes) => {
      const schema = { summary: 'A constant', response: { 200: constantSchema } };
      routes.get(GUARDED_PATH, { config: { access: 'signedIn' }, schema }, async () => CONSTANT);
      routes.get(PERMITTED_PATH, { config: { access: 'permission' }, schema }, async () => CONSTANT);
      const { handler, schema: meSchema = {} } = me();
      routes.get(PERMITTED_ME_PATH, { config: { access: 'permission' }, schema: meSchema }, handler);
    });
    await app.start();
    lowerPoolPriority();
    return app.http.listen({ host: config.host, port: config.port });
  },

  /** From now on. */
  watchLoop() {
    loop.enable();
    loop.reset();
  },

  /** By how many milliseconds its event loop has been late since then, 99th percentile. */
  loopDelay: () => loop.percentile(99) / 1e6 - LOOK_EVERY,
});
