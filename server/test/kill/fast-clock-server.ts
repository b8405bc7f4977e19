import { loadConfig } from '../../src/platform/config/load-config.ts';
import { shutDown } from '../../src/platform/http/shutdown.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';
import { openApp, openDatabase } from '../../src/start.ts';

// The server as a process of its own, on a clock that runs FAST_CLOCK_SPEED times as fast since FAST_CLOCK_BEGAN (Unix milliseconds),
// so that hours can be waited for. Several processes, and one after a restart, agree about the time.
const began = Number(process.env.FAST_CLOCK_BEGAN);
const speed = Number(process.env.FAST_CLOCK_SPEED);
const clock = () => new Date(began + (Date.now() - began) * speed);

const { config } = loadConfig({ env: process.env, cwd: process.cwd() });
const log = createLog(config.log);
const database = await openDatabase(config, log);
const { app, close } = await openApp({ config, database, log, clock });
await app.start();
const listenTextResolver = (address: string) => `listening on ${address}`;
process.once('SIGTERM', async () => {
  await shutDown(app.http, { grace: 1000 });
  await close(1000);
  await database.close();
});
await app.http.listen({ host: config.host, port: config.port, listenTextResolver });
