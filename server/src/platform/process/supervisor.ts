/** Why a process ends, and for how many milliseconds it is still to take requests, with red readiness. */
export interface Stop {
  reason: string;
  delay: number;
}

/** What a serving process answers to: a terminal or service manager, or the primary of several processes. */
export interface Supervisor {
  /** Resolves when the process is to end. */
  stopAsked(): Promise<Stop>;
  /** It takes requests now. `setupLink`: the way to the first administrator, where there is none yet. */
  serving(setupLink: string | null): void;
}

/**
 * The first of these signals. A second of the same kind then ends the process at once, as signals do by default: the way out for
 * somebody who does not want to wait.
 */
export function firstSignal(...signals: NodeJS.Signals[]): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve(signal));
  });
}

/** Not a log line: the token must not travel wherever logs do. */
export function printSetupLink(link: string): void {
  // Whoever started this may read no more, or have no room left: that ends no server.
  process.stdout.once('error', ignore).write(`Setup: ${link}\n`, (error) => {
    if (!error) process.stdout.off('error', ignore);
  });
}

function ignore() {}

/** A process of its own: ends by a signal, also when its terminal closes (SIGHUP). */
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
