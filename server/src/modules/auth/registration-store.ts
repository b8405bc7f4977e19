import type { EventDraft } from '../events/event-store.ts';

/** A request for an account. It reserves nothing, and becomes the user of the same id when its code is sent. */
export interface RegistrationRecord {
  id: string;
  email: string;
  emailNorm: string;
  username: string | null;
  fullName: string | null;
  phone: string | null;
  locale: string | null;
  passwordHash: string;
  /** The id that the present code is derived from. */
  codeId: string;
  /**
   * The registration that the present code was made for: while one of its codes is valid, an address gets no other. Null: this one.
   */
  codeOwner: string | null;
  keyId: string;
  codeExpiresAt: Date;
  /** Number of tries of the present code; each is counted before the code is compared. */
  tries: number;
  /** When codes were mailed, the latest last; the limits on further mails count them. */
  sentAt: Date[];
  createdAt: Date;
  version: number;
}

export interface RegistrationStore {
  create(registration: RegistrationRecord, event: EventDraft): Promise<void>;
  find(id: string): Promise<RegistrationRecord | null>;
  /** Counts one try of the code `codeId`; false if that is not the present code, has expired, or has `limit` tries already. */
  countTry(id: string, codeId: string, limit: number, now: Date): Promise<boolean>;
  /** Takes one try back: the code was right, but the user could not be created. */
  giveBackTry(id: string, codeId: string): Promise<void>;
  /**
   * Stores that a code is mailed again. The same `codeId` keeps its counted tries, another one starts with `tries`. False if the
   * registration has another version.
   */
  resend(
    at: { id: string; version: number },
    change: Pick<RegistrationRecord, 'codeId' | 'codeOwner' | 'keyId' | 'codeExpiresAt' | 'tries' | 'sentAt'>,
    event: EventDraft,
  ): Promise<boolean>;
  /** The registrations of this address whose code was mailed and is valid at `now`, the newest first; at most `limit`. */
  listMailed(emailNorm: string, now: Date, limit: number): Promise<RegistrationRecord[]>;
  remove(id: string): Promise<void>;
  /** Deletes at most `limit` registrations that were created, and whose codes expired, before then; returns the number. */
  purge(before: Date, limit: number): Promise<number>;
  /** Deletes all registrations of this address. */
  removeForEmail(emailNorm: string): Promise<void>;
}
