/** The number of attempts, and the time of the next allowed one. */
export interface Throttle {
  /** A MAC of the throttled key: typed logins are never stored. */
  key: string;
  tries: number;
  /** No attempt is allowed before this time. */
  nextAt: Date;
  /** From then on it counts as never attempted. */
  expiresAt: Date;
  version: number;
}

export interface ThrottleStore {
  find(key: string): Promise<Throttle | null>;
  /**
   * Writes the successor of what was read: version 1 if there was nothing, else the read version plus one. False if another write was
   * faster: read again.
   */
  put(throttle: Throttle): Promise<boolean>;
  /** Removes it, whatever its version. */
  remove(key: string): Promise<void>;
  /** Removes at most `limit` that expired before then; returns the number. */
  purge(before: Date, limit: number): Promise<number>;
}
