import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { loadModules } from './load-modules.ts';
import type { Config } from './platform/config/config.ts';
import { shutDown } from './platform/http/shutdown.ts';
import { watchLoop } from './platform/process/loop-watch.ts';
import { lowerPoolPriority } from './platform/process/pool-priority.ts';
import { alone, type Supervisor } from './platform/process/supervisor.ts';
import { openApp, openDatabase, VERSION } from './start.ts';

/** Milliseconds that a start under way, then running requests, and then running jobs get to finish after SIGTERM. */
const GRACE = 10_000;
/** Milliseconds after everything is closed in which the process ends by itself. */
const LAST = 2_000;

/**
 * Starts the server and serves until its supervisor stops it: by SIGTERM or SIGINT, unless it is one of several processes. Throws before
 * it listens: `ModuleError`, `DatabaseUnreachable`, `MigrationFailed`, `WrongSecretKey`, `RedisShared`, or the error of an address in use.
 */
export async function serve(config: Config, log: Logger, supervisor = alone(config.shutdownDelay)): Promise<void> {
  // Before anything else: as process 1 of a container, a signal that nobody listens to is lost.
  const stopped = supervisor.stopAsked();
  const watch = watchLoop({ log, format: config.log.format });
  const server = createStart({ config, log, isLoopWell: watch.isWell });
  try {
    const starting = server.start(supervisor);
    starting.then(watch.serving, () => {});
    const isServing = await Promise.race([starting.then(() => true), stopped.then(() => false)]);
    const { reason, delay } = await stopped;
    log.info(`${reason}: finishing running requests and jobs`);
    // What is under way in the start ends before it is closed: a port that opens afterwards would stay open.
    if (!isServing) await Promise.race([server.cancel(starting), pause(GRACE, undefined, { ref: false })]);
    await server.stop(isServing ? delay : 0);
  } catch (error) {
    await server.stop(0);
    throw error;
  } finally {
    watch.stop();
    endSoon(log);
  }
  log.info('stopped');
}

/** The steps of a start, and what each has opened. */
function createStart({ config, log, isLoopWell }: { config: Config; log: Logger; isLoopWell: () => boolean }) {
  /** The latest first. */
  const closers: ((delay: number) => Promise<void>)[] = [];
  let isCancelled = false;
  const demandGoesOn = () => {
    if (isCancelled) throw new StartCancelled();
  };

  return {
    async start(supervisor: Supervisor): Promise<void> {
      const modules = await loadModules(config);
      const database = await openDatabase(config, log);
      // Also if the start fails: an open pool would keep the process alive.
      closers.unshift(() => database.close());
      demandGoesOn();
      const { app, close } = await openApp({ config, database, log, modules, isLoopWell });
      closers.unshift(() => close(GRACE));
      demandGoesOn();
      await app.start();
      demandGoesOn();
      lowerPoolPriority();
      log.info({ version: VERSION, node: process.version, database: database.name }, 'starting');
      closers.unshift((delay) => shutDown(app.http, { grace: GRACE, delay }));
      const listenTextResolver = (address: string) => `listening on ${address}`;
      await app.http.listen({ host: config.host, port: config.port, listenTextResolver });
      demandGoesOn();
      const setupToken = config.role === 'worker' ? null : await app.setup.offer();
      supervisor.serving(setupToken && `${config.publicUrl}/setup#token=${setupToken}`);
    },

    /** Ends the start after its present step; resolves then. */
    async cancel(starting: Promise<void>): Promise<void> {
      isCancelled = true;
      await starting.catch((error) => {
        if (!(error instanceof StartCancelled)) log.warn({ err: error }, 'the start failed while it was stopped');
      });
    },

    async stop(delay: number): Promise<void> {
      isCancelled = true;
      for (const close of closers) await close(delay);
    },
  };
}

class StartCancelled extends Error {
  override readonly name = 'StartCancelled';
}

/** Ends the process if something keeps it alive after its end, such as a step of the start that never ended. */
function endSoon(log: Logger): void {
  setTimeout(() => {
    log.warn({ held: process.getActiveResourcesInfo() }, 'the process does not end by itself: it is ended');
    process.exit();
  }, LAST).unref();
}
