/** Since when something has demanded a second factor of somebody who has none. */
export interface DemandRecord {
  userId: string;
  /** What demands it, such as `all` or `role:<id>:required`. */
  cause: string;
  since: Date;
}

/** When a grace period began: written at the first sign-in that finds the demand, and never by a later one. */
export interface DemandStore {
  /**
   * Notes that these demands are made from `since` on; answers since when each is made. One that is noted already keeps its earlier time.
   */
  note(userId: string, causes: readonly string[], since: Date): Promise<DemandRecord[]>;
  /** Forgets all other demands of a user, so that they begin anew later. */
  keepOnly(userId: string, causes: readonly string[]): Promise<void>;
  /** Forgets a demand of everybody, so that the same one begins anew later. */
  forget(cause: string): Promise<void>;
  /** Forgets all of a user. Safe to run twice. */
  removeForUser(userId: string): Promise<void>;
}

/** The key of a demand. */
export const demandId = (userId: string, cause: string): string => `${userId} ${cause}`;
