// autocannon carries no types; this is what is used of it.
declare module 'autocannon' {
  interface Options {
    url: string;
    connections: number;
    /** Seconds. */
    duration: number;
    /** Milliseconds between two looks at the counters, and at the clock. */
    sampleInt: number;
    headers: Record<string, string>;
  }

  interface Result {
    /** Seconds. */
    duration: number;
    errors: number;
    timeouts: number;
    non2xx: number;
    requests: { total: number };
  }

  export default function autocannon(options: Options): Promise<Result>;
}
