import type { EventDraft } from '../events/event-store.ts';

/** A wish to reset the password of whoever has this address, if anybody has. Its token is derived, and is good for one password only. */
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
  /** How many of this purpose began for this address since then; with `upTo`, only that one and those with earlier ids. */
  countSince(purpose: ChallengeRecord['purpose'], emailNorm: string, since: Date, upTo?: string): Promise<number>;
  /** Forgets at most `limit` that began before then; answers how many. */
  purge(before: Date, limit: number): Promise<number>;
  /** Takes away whatever waits for this address. */
  removeForEmail(emailNorm: string): Promise<void>;
}
