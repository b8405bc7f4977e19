import type { EventDraft } from '../events/event-store.ts';

/** A request to reset the password of the user with this address, if any. Its token is derived, and void once that password changes. */
export interface ChallengeRecord {
  id: string;
  purpose: 'password_reset';
  email: string;
  emailNorm: string;
  keyId: string;
  expiresAt: Date;
  createdAt: Date;
}

export interface ChallengeStore {
  create(challenge: ChallengeRecord, event: EventDraft): Promise<void>;
  find(id: string): Promise<ChallengeRecord | null>;
  /** The challenges of this address that are valid at `now`, the newest first; at most `limit`. */
  listValid(emailNorm: string, now: Date, limit: number): Promise<ChallengeRecord[]>;
  /** Deletes at most `limit` challenges that were created before then; returns the number. */
  purge(before: Date, limit: number): Promise<number>;
  /** Deletes all challenges of this address. */
  removeForEmail(emailNorm: string): Promise<void>;
}
