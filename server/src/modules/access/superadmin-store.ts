import type { EventDraft } from '../events/event-store.ts';

/** The single record of all superadmins and of the link that creates the first one. */
export interface SuperadminRecord {
  userIds: string[];
  /** The current setup link. Its id becomes the id of the user that it creates, so it works only once. */
  setup: { id: string; keyId: string; expiresAt: Date } | null;
  /** 0 before the first write. */
  version: number;
}

export interface SuperadminStore {
  read(): Promise<SuperadminRecord>;
  /** Compare-and-set on `version`, which grows by one; false if another write came first. */
  replace(from: number, next: Pick<SuperadminRecord, 'userIds' | 'setup'>, event: EventDraft): Promise<boolean>;
}
