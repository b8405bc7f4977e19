import type { EventDraft } from 'ostiary';

/** A site and the users who look after it: a user looks after any number of sites. */
export interface SiteRecord {
  /** UUIDv7. */
  id: string;
  name: string;
  /** Sorted. */
  userIds: string[];
  createdAt: Date;
  updatedAt: Date;
  version: number;
}

/** The site that a change was decided on. */
export interface SiteAt {
  id: string;
  version: number;
  now: Date;
}

export interface SiteStore {
  insert(site: SiteRecord, event: EventDraft): Promise<void>;
  find(id: string): Promise<SiteRecord | null>;
  /** The latest first; `userId` null: the sites of all users. */
  list(
    filter: { userId: string | null },
    page: { before: string | null; skip: number; limit: number },
  ): Promise<SiteRecord[]>;
  /** The number of sites, counted up to `limit`. */
  count(filter: { userId: string | null }, limit: number): Promise<number>;
  /** False if the site has changed since. */
  setUsers(at: SiteAt, userIds: readonly string[], event: EventDraft): Promise<boolean>;
}
