/** A mail that is ready to be sent. */
export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
  /** Stays the same when the same mail is tried again, so that it can be recognised as one (becomes its Message-ID). */
  key: string;
}

/** The port that `smtp.ts` and `mailbox.ts` serve. */
export interface Mailer {
  /**
   * Resolves once the next hop has accepted the mail. Rejects with `MailRefused` where trying again is of no use. Where `signal` aborts,
   * the delivery is broken off, and rejects.
   */
  send(mail: Mail, options?: { signal?: AbortSignal }): Promise<void>;
  close(): Promise<void>;
}

/** The next hop refused this mail for good (an SMTP 5xx answer to the recipient or the message). */
export class MailRefused extends Error {
  override readonly name = 'MailRefused';
}
