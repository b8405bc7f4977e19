/** A mail to be sent. */
export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
  /** The same at every attempt to send this mail, so that duplicates can be recognised (it becomes the Message-ID). */
  key: string;
}

/** The port of `smtp.ts` and `mailbox.ts`. */
export interface Mailer {
  /**
   * Resolves once the next hop has accepted the mail. Rejects with `MailRefused` if a retry is useless. If `signal` aborts,
   * the delivery is aborted, and rejects.
   */
  send(mail: Mail, options?: { signal?: AbortSignal }): Promise<void>;
  close(): Promise<void>;
}

/** The next hop refused this mail permanently (an SMTP 5xx answer to the recipient or the message). */
export class MailRefused extends Error {
  override readonly name = 'MailRefused';
}
