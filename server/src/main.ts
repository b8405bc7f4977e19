import type { Logger } from 'pino';
import type { App } from './app.ts';
import type { Config } from './platform/config/config.ts';
import { shutDown } from './platform/http/shutdown.ts';
import { openApp, openDatabase, VERSION } from './start.ts';

/** Milliseconds that requests, and then jobs, under way get to finish after SIGTERM. */
const GRACE = 10_000;

/**
 * Starts the server and serves until SIGTERM or SIGINT. Throws, before it listens, what stands in the way: `DatabaseUnreachable`,
 * `MigrationFailed`, `WrongSecretKey`, or the error of an address in use.
 */
export async function serve(config: Config, log: Logger): Promise<void> {
  const database = await openDatabase(config, log);
  // Also where the start fails: an open pool would keep a process alive that has said why it ends.
  try {
    const { app, close } = await openApp({ config, database, log });
    try {
      await listenUntilStopped(app, config, log, database.name);
    } finally {
      await close(GRACE);
    }
  } finally {
    await database.close();
  }
  log.info('stopped');
}

async function listenUntilStopped(app: App, config: Config, log: Logger, database: string): Promise<void> {
  const stopped = new Promise<string>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });

  await app.start();
  log.info({ version: VERSION, node: process.version, database }, 'starting');
  const listenTextResolver = (address: string) => `listening on ${address}`;
  await app.http.listen({ host: config.host, port: config.port, listenTextResolver });
  const setupToken = config.role === 'worker' ? null : await app.setup.offer();
  // Not a log line: the token must not travel wherever logs do.
  if (setupToken) process.stdout.write(`Setup: ${config.publicUrl}/setup#token=${setupToken}\n`);

  const signal = await stopped;
  log.info(`${signal}: finishing what is under way`);
  await shutDown(app.http, { grace: GRACE });
}
