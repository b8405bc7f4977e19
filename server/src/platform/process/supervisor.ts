/** Why a process stops, and for how many milliseconds it still serves requests with a failing readiness check. */
export interface Stop {
  reason: string;
  delay: number;
}

/** Controls a serving process: a terminal or service manager, or the primary of several processes. */
export interface Supervisor {
  /** Resolves when the process shall stop. */
  stopAsked(): Promise<Stop>;
  /** Called when the process serves requests. `setupLink`: for creating the first administrator, if there is none yet. */
  serving(setupLink: string | null): void;
}

/**
 * The first of these signals. A second one of the same kind ends the process at once, as by default, for operators who do not want
 * to wait.
 */
export function firstSignal(...signals: NodeJS.Signals[]): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve(signal));
  });
}

/** Not a log line: the token must not be sent wherever logs are. */
export function printSetupLink(link: string): void {
  // A closed or full standard output must not end the server.
  process.stdout.once('error', ignore).write(`Setup: ${link}\n`, (error) => {
    if (!error) process.stdout.off('error', ignore);
  });
}

function ignore() {}

/** For a single process: a signal stops it, also when its terminal closes (SIGHUP). */
export function alone(shutdownDelay: number): Supervisor {
  return {
    async stopAsked() {
      return { reason: await firstSignal('SIGTERM', 'SIGINT', 'SIGHUP'), delay: shutdownDelay };
    },
    serving(setupLink) {
      if (setupLink !== null) printSetupLink(setupLink);
    },
  };
}
