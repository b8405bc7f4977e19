import { SECOND } from './platform/clock.ts';
import type { Config } from './platform/config/config.ts';
import { ConfigError } from './platform/config/config-error.ts';
import { loadConfig } from './platform/config/load-config.ts';
import { keepWorkers } from './platform/process/keep-workers.ts';
import { firstSignal, printSetupLink } from './platform/process/supervisor.ts';
import type { Logger } from './platform/telemetry/log.ts';

/** Milliseconds beyond `SHUTDOWN_DELAY`; a worker gives its requests and then its jobs ten seconds each. */
const STOP_LIMIT = 30 * SECOND;
/** The command of a worker: `worker.ts`. */
const WORKER = 'serve-as-worker';

/**
 * Runs `WORKERS` processes that serve one port, until SIGTERM or SIGINT; SIGHUP replaces them one by one. It opens no database and
 * answers no requests. The exit code is 1 if the first worker does not start (it has logged why), or if one ended with an error.
 */
export async function serveByWorkers(config: Config, log: Logger): Promise<void> {
  let printed: string | null = null;
  const workers = keepWorkers({
    count: config.workers,
    program: { exec: process.argv[1] ?? '', args: [WORKER] },
    stopLimit: config.shutdownDelay + STOP_LIMIT,
    log,
    onReady(link) {
      // All workers have the same link at a time.
      if (link !== null && link !== printed) printSetupLink(link);
      printed = link ?? printed;
    },
  });
  const stopped = firstSignal('SIGTERM', 'SIGINT').then((signal) => {
    log.info(`${signal}: the workers finish running requests and jobs`);
    return workers.stop();
  });
  log.info({ workers: config.workers, node: process.version }, 'starting workers');
  const started = workers.start();
  process.on('SIGHUP', async () => {
    if ((await started) && isConfigGood(log)) await workers.roll();
  });

  const isGood = (await started) && (await stopped);
  if (!isGood) process.exitCode = 1;
  log.info('stopped');
}

/** Checks the configuration that new workers will read. */
function isConfigGood(log: Logger): boolean {
  try {
    for (const warning of loadConfig({ env: process.env, cwd: process.cwd() }).warnings) log.warn(warning);
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log.error(`no restart: ${error.message}`);
    return false;
  }
}
