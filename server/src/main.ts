import type { Logger } from 'pino';
import type { App } from './app.ts';
import type { Config } from './platform/config/config.ts';
import { shutDown } from './platform/http/shutdown.ts';
import { lowerPoolPriority } from './platform/process/pool-priority.ts';
import { alone, type Supervisor } from './platform/process/supervisor.ts';
import { openApp, openDatabase, VERSION } from './start.ts';

/** Milliseconds that requests, and then jobs, under way get to finish after SIGTERM. */
const GRACE = 10_000;

/**
 * Starts the server and serves until its supervisor ends it: by SIGTERM or SIGINT, unless it is one of several processes. Throws, before
 * it listens, what stands in the way: `DatabaseUnreachable`, `MigrationFailed`, `WrongSecretKey`, or the error of an address in use.
 */
export async function serve(config: Config, log: Logger, supervisor = alone(config.shutdownDelay)): Promise<void> {
  const database = await openDatabase(config, log);
  // Also where the start fails: an open pool would keep a process alive that has said why it ends.
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
  // A worker asks its primary for the port, and where that is gone it hears nothing any more.
  if (await Promise.race([listening.then(() => true), stopped.then(() => false)])) {
    const setupToken = config.role === 'worker' ? null : await app.setup.offer();
    supervisor.serving(setupToken && `${config.publicUrl}/setup#token=${setupToken}`);
  }

  const { reason, delay } = await stopped;
  log.info(`${reason}: finishing what is under way`);
  await shutDown(app.http, { grace: GRACE, delay });
}
