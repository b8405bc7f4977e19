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
    change: Pick<RegistrationRecord, 'codeId' | 'keyId' | 'codeExpiresAt' | 'tries' | 'sentAt'>,
    event: EventDraft,
  ): Promise<boolean>;
  /** Counts the registrations of this address since then that got a code; with `upTo`, only that one and those with smaller ids. */
  countSince(emailNorm: string, since: Date, upTo?: string): Promise<number>;
  remove(id: string): Promise<void>;
  /** Deletes at most `limit` registrations that were created, and whose codes expired, before then; returns the number. */
  purge(before: Date, limit: number): Promise<number>;
  /** Deletes all registrations of this address. */
  removeForEmail(emailNorm: string): Promise<void>;
}
