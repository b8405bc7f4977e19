import { Readable } from 'node:stream';
import type { NodemailerError } from 'nodemailer';
import { SECOND } from '../clock.ts';
import { createComposer, senderOf } from './compose-mail.ts';
import { type Mail, MailDeferred, type Mailer, MailRefused } from './mail.ts';
import { connectSmtp } from './smtp-connection.ts';
import { createPool } from './smtp-pool.ts';
import { isAboutMailbox, kindOf } from './smtp-reply.ts';
import { readSmtpUrl } from './smtp-url.ts';

/** Number of connections, mails per connection before it is replaced, and its idle time. */
const CONNECTIONS = 4;
const MAILS_A_CONNECTION = 100;
const IDLE_TIMEOUT = 20 * SECOND;
/** Milliseconds. Bounds a delivery, including the wait for a connection. */
const DELIVERY_TIMEOUT = 90 * SECOND;
/** More than a greeting may take, whose absence has a cause that can be told. */
const TRIAL_TIMEOUT = 12 * SECOND;

/** One address, without any character of a list, a comment, a header line or an SMTP argument. */
const ONE_ADDRESS = /^[^\s\p{Cc}\p{Cf}@<>()[\]",;:\\]+@[^\s\p{Cc}\p{Cf}@<>()[\]",;:\\]+$/u;

export interface SmtpOptions {
  /** See `readSmtpUrl`. */
  url: string;
  /** PEM certificates that are trusted instead of the public authorities. */
  ca?: string | null;
  /** `address` or `Name <address>`. */
  from: string;
  /** DKIM signature (RFC 6376): a PEM private RSA key, its selector, and its domain; null: the sender's domain. */
  dkim?: { privateKey: string; selector: string; domain: string | null } | null;
  /** The name that this server gives itself (RFC 5321, 4.1.1.1); null: the library's, from the host name. */
  ehloName?: string | null;
  /** Milliseconds after which an idle connection ends. */
  idleTimeout?: number;
}

/**
 * Sends mail through an SMTP server: `await createSmtpMailer({ url, ca: null, from, dkim: null }).send(mail)`. `send` rejects with
 * `MailRefused` if the server knows no such mailbox or does not support such an address, or if the recipient is not an address; with
 * `MailDeferred` for its other answers to a mail, `soon` if they are 4xx; with another error if the server is away, ends the
 * connection (421), or refuses or does not request the credentials.
 * Throws a TypeError for an invalid sender or URL.
 */
export function createSmtpMailer({
  url,
  ca = null,
  from,
  dkim = null,
  ehloName = null,
  idleTimeout = IDLE_TIMEOUT,
}: SmtpOptions): Mailer {
  const server = { ...readSmtpUrl(url), ca, ehloName };
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
      throw meaningOf(error);
    } finally {
      underway.delete(delivery);
    }
  }

  async function deliver(mail: Mail, signal: AbortSignal): Promise<void> {
    if (closed) throw new Error('The mailer is closed.');
    const { envelope, bytes } = await compose(mail);
    // Every round consumes a connection that the server closed while it was idle, until one is new.
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

  /** Lets running deliveries finish; waiting ones are rejected. */
  async function close(): Promise<void> {
    closed = true;
    await pool.close();
    await Promise.allSettled(underway);
    // The QUITs of those.
    await pool.close();
  }

  return { send, close };
}

/** Connects, signs in, and disconnects. Rejects with the error of `connectSmtp`, or after twelve seconds. */
export async function trySmtp({
  url,
  ca = null,
  ehloName = null,
}: Pick<SmtpOptions, 'url' | 'ca' | 'ehloName'>): Promise<void> {
  const connection = await connectSmtp({ ...readSmtpUrl(url), ca, ehloName }, AbortSignal.timeout(TRIAL_TIMEOUT));
  await connection.quit();
}

/** What a failed delivery means: a 5xx answer to a mail is final only if it speaks of the mailbox, and a 421 is about the server. */
function meaningOf(error: unknown): unknown {
  const { code, permanent, ...reply } = error as NodemailerError;
  const isAnswer = code === 'EENVELOPE' || code === 'EMESSAGE';
  if (!isAnswer || permanent === undefined || reply.responseCode === 421) return error;
  if (permanent && isAboutMailbox(reply))
    return new MailRefused('The mail server refused the mail permanently.', { cause: error });
  return new MailDeferred(kindOf(reply), { cause: error, soon: !permanent });
}
