import { UsageError } from './cli/usage-error.ts';
import { serve } from './main.ts';
import type { Config } from './platform/config/config.ts';
import { joinPrimary } from './platform/process/worker-side.ts';
import type { Logger } from './platform/telemetry/log.ts';

/** Serves as one of several processes, until the primary stops it or ends. Throws as `serve` does. */
export async function serveAsWorker(config: Config, log: Logger): Promise<void> {
  const primary = joinPrimary(config.shutdownDelay);
  if (primary === null) throw new UsageError('Workers are started by: ostiary serve, with WORKERS set.');
  try {
    await serve(config, log, primary);
  } finally {
    primary.leave();
  }
}
