import type { EventDraft } from '../events/event-store.ts';

/** Somebody's wish for an account: reserves nothing, and becomes the user of the same id when its code comes back. */
export interface RegistrationRecord {
  id: string;
  email: string;
  emailNorm: string;
  username: string | null;
  fullName: string | null;
  phone: string | null;
  locale: string | null;
  passwordHash: string;
  /** The challenge of the present code. */
  codeId: string;
  keyId: string;
  codeExpiresAt: Date;
  /** Codes that were tried against this challenge, counted before they are compared. */
  tries: number;
  /** When codes were mailed, the latest last; bounds how often they may be. */
  sentAt: Date[];
  createdAt: Date;
  version: number;
}

export interface RegistrationStore {
  create(registration: RegistrationRecord, event: EventDraft): Promise<void>;
  find(id: string): Promise<RegistrationRecord | null>;
  /** Counts one try of the code `codeId`; false where that is not the present one, expired, or has no tries left. */
  countTry(id: string, codeId: string, limit: number, now: Date): Promise<boolean>;
  /** Takes one try back: the code was right, but the name was taken. */
  giveBackTry(id: string, codeId: string): Promise<void>;
  /** Mails again: with the same code or, where `codeId` is another, a new one with all its tries. False where `version` has passed. */
  resend(
    at: { id: string; version: number },
    change: Pick<RegistrationRecord, 'codeId' | 'keyId' | 'codeExpiresAt' | 'tries' | 'sentAt'>,
    event: EventDraft,
  ): Promise<boolean>;
  /** How many began for this address since then and got a code; with `upTo`, only that one and those with earlier ids. */
  countSince(emailNorm: string, since: Date, upTo?: string): Promise<number>;
  remove(id: string): Promise<void>;
  /** Forgets at most `limit` that began before then, and whose code has expired by then; answers how many. */
  purge(before: Date, limit: number): Promise<number>;
  /** Takes away all that wait for this address. */
  removeForEmail(emailNorm: string): Promise<void>;
}
