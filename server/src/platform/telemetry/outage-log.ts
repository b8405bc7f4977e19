import type { Logger } from 'pino';

/** Logs when a repeated operation begins to fail, and when it works again; not every failure in between. */
export function createOutageLog(log: Logger, what: string) {
  let failing = false;
  return {
    failed(error: unknown): void {
      if (!failing) log.warn({ err: error }, `${what} fails; it is retried until it works`);
      failing = true;
    },
    worked(): void {
      if (failing) log.info(`${what} works again`);
      failing = false;
    },
  };
}
