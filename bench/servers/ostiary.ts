import { loadConfig } from '../../server/src/platform/config/load-config.ts';
import { createLog } from '../../server/src/platform/telemetry/log.ts';
import { openApp, openDatabase } from '../../server/src/start.ts';
import { answerCalls } from '../lib/calls.ts';
import { CONSTANT, constantSchema, GUARDED_PATH } from './constant.ts';

/** The real server, as `ostiary serve` composes it, with one route more: guarded, and with nothing to do. */
answerCalls({
  async listen() {
    const { config } = loadConfig({ env: process.env, cwd: process.cwd() });
    const log = createLog(config.log);
    const database = await openDatabase(config, log);
    const { app } = await openApp({ config, database, log });
    await app.http.register(async (routes) => {
      const schema = { summary: 'A constant', response: { 200: constantSchema } };
      routes.get(GUARDED_PATH, { config: { access: 'signedIn' }, schema }, async () => CONSTANT);
    });
    await app.start();
    return app.http.listen({ host: config.host, port: config.port });
  },
});
