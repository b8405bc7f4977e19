import type { EventDraft } from '../events/event-store.ts';

/** The one truth about who is a superadmin, and the link that makes the first one. */
export interface SuperadminRecord {
  userIds: string[];
  /** The present setup link; also the id of the user that it makes, so that it works once. */
  setup: { id: string; keyId: string; expiresAt: Date } | null;
  /** 0 before the first write. */
  version: number;
}

export interface SuperadminStore {
  read(): Promise<SuperadminRecord>;
  /** Compare-and-set on `version`, which becomes one more; false where somebody was faster. */
  replace(from: number, next: Pick<SuperadminRecord, 'userIds' | 'setup'>, event: EventDraft): Promise<boolean>;
}
