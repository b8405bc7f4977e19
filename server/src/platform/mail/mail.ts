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
   * Resolves once the next hop has accepted the mail. Rejects with `MailRefused` if a retry is useless, and with `MailDeferred` if it refuses
   * this mail for now. If `signal` aborts, the delivery is aborted, and rejects.
   */
  send(mail: Mail, options?: { signal?: AbortSignal }): Promise<void>;
  close(): Promise<void>;
}

/** There is no such mailbox, in the words of the next hop or by the address itself. */
export class MailRefused extends Error {
  override readonly name = 'MailRefused';
}

/** The next hop refused this mail for a reason that may pass, or that the operator can mend: its sender, a quota, a rate, a policy. */
export class MailDeferred extends Error {
  override readonly name = 'MailDeferred';
  /** The same for answers of one kind; nobody is named in it. */
  readonly reason: string;
  /** Whether a retry makes sense soon, in the words of the next hop. */
  readonly soon: boolean;

  constructor(reason: string, { soon = false, ...options }: { soon?: boolean; cause: unknown }) {
    super('The mail server refuses the mail for now.', options);
    this.reason = reason;
    this.soon = soon;
  }
}
