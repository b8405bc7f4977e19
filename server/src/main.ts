import type { Logger } from 'pino';
import type { App } from './app.ts';
import type { Config } from './platform/config/config.ts';
import { shutDown } from './platform/http/shutdown.ts';
import { lowerPoolPriority } from './platform/process/pool-priority.ts';
import { alone, type Supervisor } from './platform/process/supervisor.ts';
import { openApp, openDatabase, VERSION } from './start.ts';

/** Milliseconds that running requests, and then running jobs, get to finish after SIGTERM. */
const GRACE = 10_000;

/**
 * Starts the server and serves until its supervisor stops it: by SIGTERM or SIGINT, unless it is one of several processes. Throws before
 * it listens: `DatabaseUnreachable`, `MigrationFailed`, `WrongSecretKey`, or the error of an address in use.
 */
export async function serve(config: Config, log: Logger, supervisor = alone(config.shutdownDelay)): Promise<void> {
  const database = await openDatabase(config, log);
  // Also if the start fails: an open pool would keep the process alive.
  try {
    const { app, close } = await openApp({ config, database, log });
    try {
      await listenUntilStopped({ app, config, log, supervisor, database: database.name });
    } finally {
      await close(GRACE);
    }
  } finally {
    await database.close();
  }
  log.info('stopped');
}

async function listenUntilStopped(deps: {
  app: App;
  config: Config;
  log: Logger;
  supervisor: Supervisor;
  /** Its name, for the log. */
  database: string;
}): Promise<void> {
  const { app, config, log, supervisor, database } = deps;
  const stopped = supervisor.stopAsked();

  await app.start();
  lowerPoolPriority();
  log.info({ version: VERSION, node: process.version, database }, 'starting');
  const listenTextResolver = (address: string) => `listening on ${address}`;
  const listening = app.http.listen({ host: config.host, port: config.port, listenTextResolver });
  // A worker asks its primary for the port, and gets no answer if the primary has ended.
  if (await Promise.race([listening.then(() => true), stopped.then(() => false)])) {
    const setupToken = config.role === 'worker' ? null : await app.setup.offer();
    supervisor.serving(setupToken && `${config.publicUrl}/setup#token=${setupToken}`);
  }

  const { reason, delay } = await stopped;
  log.info(`${reason}: finishing running requests and jobs`);
  await shutDown(app.http, { grace: GRACE, delay });
}
