import type { Logger } from 'pino';

/** Tells the log when something that runs again and again begins to fail, and when it works again; not every time in between. */
export function createOutageLog(log: Logger, what: string) {
  let failing = false;
  return {
    failed(error: unknown): void {
      if (!failing) log.warn({ err: error }, `${what} fails; it is tried again until it works`);
      failing = true;
    },
    worked(): void {
      if (failing) log.info(`${what} works again`);
      failing = false;
    },
  };
}
