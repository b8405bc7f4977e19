/** How often something was tried, and when it may be tried next. */
export interface Throttle {
  /** A MAC of what is throttled: what people type as their login is kept nowhere. */
  key: string;
  tries: number;
  /** Nothing is tried before. */
  nextAt: Date;
  /** From then on it counts as never tried. */
  expiresAt: Date;
  version: number;
}

export interface ThrottleStore {
  find(key: string): Promise<Throttle | null>;
  /**
   * Writes what follows from what was read: version 1 where nothing was, else one more than was read. False where somebody else was
   * faster, and it must be read again.
   */
  put(throttle: Throttle): Promise<boolean>;
  /** Removes it, whatever its version. */
  remove(key: string): Promise<void>;
  /** Removes at most `limit` that expired before then; answers how many. */
  purge(before: Date, limit: number): Promise<number>;
}
