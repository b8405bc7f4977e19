import { Readable } from 'node:stream';
import type { NodemailerError } from 'nodemailer';
import { SECOND } from '../clock.ts';
import { createComposer, senderOf } from './compose-mail.ts';
import { type Mail, type Mailer, MailRefused } from './mail.ts';
import { connectSmtp } from './smtp-connection.ts';
import { createPool } from './smtp-pool.ts';
import { readSmtpUrl } from './smtp-url.ts';

/** Connections kept open, mails that one of them carries before it is replaced, and how long it waits for the next one. */
const CONNECTIONS = 4;
const MAILS_A_CONNECTION = 100;
const IDLE_TIMEOUT = 20 * SECOND;
/** Milliseconds. Bounds a whole delivery, queueing included. */
const DELIVERY_TIMEOUT = 90 * SECOND;
const TRIAL_TIMEOUT = 10 * SECOND;

/** One address and nothing that a list, a comment, a header line or an SMTP argument could be made of. */
const ONE_ADDRESS = /^[^\s\p{Cc}\p{Cf}@<>()[\]",;:\\]+@[^\s\p{Cc}\p{Cf}@<>()[\]",;:\\]+$/u;

export interface SmtpOptions {
  /** See `readSmtpUrl`. */
  url: string;
  /** Certificates in PEM that are trusted instead of the public authorities'. */
  ca?: string | null;
  /** `address` or `Name <address>`. */
  from: string;
  /** Signs with DKIM (RFC 6376): a private RSA key in PEM, where its public half is found, and for which domain; the sender's if null. */
  dkim?: { privateKey: string; selector: string; domain: string | null } | null;
  /** Milliseconds after which a connection without mails ends. */
  idleTimeout?: number;
}

/**
 * Sends mail through an SMTP server. `send` rejects with `MailRefused` where the server refuses the recipient or the message
 * for good or cannot carry such an address, or the recipient is no address; with the transport's own error where it makes sense to try
 * again (4xx answers, the server away, credentials refused or not asked for). Throws a TypeError for a sender or URL that it cannot read.
 */
export function createSmtpMailer({
  url,
  ca = null,
  from,
  dkim = null,
  idleTimeout = IDLE_TIMEOUT,
}: SmtpOptions): Mailer {
  const server = { ...readSmtpUrl(url), ca };
  const compose = createComposer(senderOf(from), dkim);
  const underway = new Set<Promise<unknown>>();
  const open = (signal: AbortSignal) => connectSmtp(server, signal);
  const pool = createPool({ open, size: CONNECTIONS, uses: MAILS_A_CONNECTION, idleTimeout });
  let closed = false;

  async function send(mail: Mail, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (!ONE_ADDRESS.test(mail.to)) throw new MailRefused('The recipient is not one mail address.');
    const delivery = deliver(
      mail,
      AbortSignal.any([AbortSignal.timeout(DELIVERY_TIMEOUT), ...(signal ? [signal] : [])]),
    );
    underway.add(delivery);
    try {
      await delivery;
    } catch (error) {
      if (isRefusal(error)) throw new MailRefused('The mail server refused the mail for good.', { cause: error });
      throw error;
    } finally {
      underway.delete(delivery);
    }
  }

  async function deliver(mail: Mail, signal: AbortSignal): Promise<void> {
    if (closed) throw new Error('The mailer is closed.');
    const { envelope, bytes } = await compose(mail);
    // Every round uses up a connection that its server left while it was idle, until one is fresh.
    for (let sent = false; !sent; ) {
      sent = await pool.use(async (connection, reused) => {
        const message = Readable.from([bytes]);
        try {
          await connection.send(envelope, message, signal);
          return true;
        } catch (error) {
          if (reused && !connection.isOpen() && !message.readableDidRead && !signal.aborted) return false;
          throw error;
        }
      }, signal);
    }
  }

  /** Lets deliveries under way finish; what still waits for a connection is rejected. */
  async function close(): Promise<void> {
    closed = true;
    await pool.close();
    await Promise.allSettled(underway);
    // The goodbyes of those.
    await pool.close();
  }

  return { send, close };
}

/** Connects and signs in, and says goodbye. Rejects with the error of `connectSmtp`, or after ten seconds. */
export async function trySmtp({ url, ca = null }: Pick<SmtpOptions, 'url' | 'ca'>): Promise<void> {
  const connection = await connectSmtp({ ...readSmtpUrl(url), ca }, AbortSignal.timeout(TRIAL_TIMEOUT));
  await connection.quit();
}

/** A 5xx answer to the recipient or the message; not one to the sender or the credentials, which an operator can mend. */
function isRefusal(error: unknown): boolean {
  const { code, command, permanent } = error as NodemailerError;
  return (
    permanent === true && (code === 'EENVELOPE' || code === 'EMESSAGE') && (command === 'RCPT TO' || command === 'DATA')
  );
}
