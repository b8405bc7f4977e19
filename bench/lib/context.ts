import type { Places } from './cores.ts';
import type { Figure } from './figure.ts';

/** How much is measured; bounds how long it takes. */
export interface Plan {
  quick: boolean;
  /** Rounds of every comparison. */
  rounds: number;
  /** Seconds that one side of a round is loaded. */
  seconds: number;
  /** Seconds of load before the first round. */
  warmUp: number;
  /** Seconds after which no further measure begins. */
  timeLimit: number;
}

/** What every measure gets. */
export interface Context {
  places: Places;
  plan: Plan;
  /** A new folder, removed after the run. */
  folder(name: string): string;
  /** The URL of an empty database on a private PostgreSQL; null where there is none. */
  postgres(): Promise<string | null>;
  /** Arguments that make Node write a CPU profile, if asked for. */
  nodeArgs: string[];
}

export interface Measure {
  name: string;
  /** What `--help` says of it. */
  summary: string;
  /** Only where it is asked for by name: it takes long, or needs more than `npm ci` installs. */
  apart?: boolean;
  run(context: Context): AsyncIterable<Figure>;
}
