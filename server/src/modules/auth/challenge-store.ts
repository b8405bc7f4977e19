import type { EventDraft } from '../events/event-store.ts';

/**
 * What was mailed to an address on somebody's request, whether or not it has an account. Its secrets are derived, and not stored. A reset link is
 * void once the password changes; a sign-in by mail is used up by the session, or the user, that takes its id.
 */
export interface ChallengeRecord {
  id: string;
  purpose: 'password_reset' | 'email_sign_in';
  email: string;
  emailNorm: string;
  keyId: string;
  /** Number of tried codes; each is counted before it is compared. */
  tries: number;
  /** BCP 47: the language of whoever asked, for an address without an account. */
  locale: string | null;
  /** The page to go on to after the sign-in. */
  returnTo: string | null;
  expiresAt: Date;
  createdAt: Date;
  /** Grows each time it is mailed again. */
  version: number;
}

export interface ChallengeStore {
  create(challenge: ChallengeRecord, event: EventDraft): Promise<void>;
  find(id: string): Promise<ChallengeRecord | null>;
  /** The challenges of this address and purpose that are valid at `now`, the newest first; at most `limit`. */
  listValid(
    emailNorm: string,
    purpose: ChallengeRecord['purpose'],
    now: Date,
    limit: number,
  ): Promise<ChallengeRecord[]>;
  /** Counts one try of a code; false if the challenge is gone, has expired, or has no tries left. */
  countTry(id: string, limit: number, now: Date): Promise<boolean>;
  /** Takes back a try that was not compared. */
  giveBackTry(id: string): Promise<void>;
  /** Notes, with its event, that it is mailed again. False if another request was faster, or the challenge is gone. */
  mailAgain(at: Pick<ChallengeRecord, 'id' | 'version'>, event: EventDraft): Promise<boolean>;
  /** Deletes one; its history stays. */
  remove(id: string): Promise<void>;
  /** Deletes at most `limit` challenges that were created before then; returns the number. */
  purge(before: Date, limit: number): Promise<number>;
  /** Deletes all challenges of this address. */
  removeForEmail(emailNorm: string): Promise<void>;
}
