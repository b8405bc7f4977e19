import { createHash } from 'node:crypto';
import type { NodemailerError } from 'nodemailer';
import { SECOND } from '../clock.ts';
import { foldAddress } from '../geo/address.ts';
import { type Mail, type Mailer, MailRefused } from './mail.ts';

/** Connections kept open, and mails that one of them carries before it is replaced. */
const CONNECTIONS = 4;
const MAILS_A_CONNECTION = 100;
/** Milliseconds. Servers that accept at all do so within these; the last one bounds a whole delivery, queueing included. */
const CONNECT_TIMEOUT = 10 * SECOND;
const GREETING_TIMEOUT = 10 * SECOND;
const SILENCE_TIMEOUT = 30 * SECOND;
const DELIVERY_TIMEOUT = 90 * SECOND;

/** One address and nothing that a list, a comment, a header line or an SMTP argument could be made of. */
const ONE_ADDRESS = /^[^\s\p{Cc}\p{Cf}@<>()[\]",;:\\]+@[^\s\p{Cc}\p{Cf}@<>()[\]",;:\\]+$/u;
const SENDER = /^(?:(.*?)\s*<)?([^<>\s]+@([^<>\s@]+))>?$/;

interface Signature {
  domainName: string;
  keySelector: string;
  privateKey: string;
}

export interface SmtpOptions {
  /**
   * `smtps://user:password@host:465` speaks TLS from the first byte. `smtp://user:password@host:587` turns to TLS with STARTTLS
   * if the server offers it. `?requireTLS=true` or `false` says whether it must; without that it must where a password would
   * leave this machine.
   */
  url: string;
  /** `address` or `Name <address>`. */
  from: string;
  /** Signs with DKIM (RFC 6376) for the sender's domain: a private RSA key in PEM, and where its public half is found. */
  dkim?: { privateKey: string; selector: string } | null;
}

/**
 * Sends mail through an SMTP server. `send` rejects with `MailRefused` where the server refuses the recipient or the message
 * for good, or the recipient is no address; with the transport's own error where it makes sense to try again (4xx answers, the
 * server away, credentials refused). Throws a TypeError for a sender that it cannot read.
 */
export function createSmtpMailer({ url, from, dkim }: SmtpOptions): Mailer {
  const sender = SENDER.exec(from.trim());
  const [, name = '', address, domain] = sender ?? [];
  if (address === undefined || domain === undefined) throw new TypeError('MAIL_FROM must be one mail address.');
  const server = serverOf(url);
  const signature = dkim && { domainName: domain, keySelector: dkim.selector, privateKey: dkim.privateKey };
  const underway = new Set<Promise<unknown>>();
  let transport: ReturnType<typeof openTransport> | null = null;
  let closed = false;

  async function send(mail: Mail, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (!ONE_ADDRESS.test(mail.to)) throw new MailRefused('The recipient is not one mail address.');
    const delivery = deliver(mail, signal);
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

  async function deliver(mail: Mail, signal: AbortSignal | undefined): Promise<void> {
    if (closed) throw new Error('The mailer is closed.');
    transport ??= openTransport({ ...server, ...(signature && { dkim: signature }) });
    await (await transport).sendMail({
      from: { name: unquote(name), address },
      to: { name: '', address: mail.to },
      envelope: { from: address, to: mail.to },
      subject: mail.subject.replace(/\p{Cc}+/gu, ' '),
      text: mail.text,
      html: mail.html,
      messageId: `<${messageKey(mail.key)}@${domain}>`,
      // RFC 3834, 5: out-of-office replies to these would reach nobody.
      headers: { 'Auto-Submitted': 'auto-generated' },
      signal: AbortSignal.any([AbortSignal.timeout(DELIVERY_TIMEOUT), ...(signal ? [signal] : [])]),
    });
  }

  /** Lets deliveries under way finish; what still waits for a connection is rejected. */
  async function close(): Promise<void> {
    closed = true;
    (await transport)?.close();
    await Promise.allSettled(underway);
  }

  return { send, close };
}

/** The library takes 60 ms and 25 MB to load, so it waits for the first mail. */
async function openTransport(server: ReturnType<typeof serverOf> & { dkim?: Signature }) {
  const { createTransport } = await import('nodemailer');
  return createTransport({
    pool: true,
    ...server,
    maxConnections: CONNECTIONS,
    maxMessages: MAILS_A_CONNECTION,
    connectionTimeout: CONNECT_TIMEOUT,
    greetingTimeout: GREETING_TIMEOUT,
    socketTimeout: SILENCE_TIMEOUT,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

function serverOf(url: string) {
  const { protocol, hostname, port, username, password, searchParams } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const secure = protocol === 'smtps:';
  const auth = username === '' ? undefined : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  // Otherwise whoever sits in between strips the STARTTLS offer and reads the password.
  const asked = searchParams.get('requireTLS');
  const requireTLS = asked === 'true' || (asked !== 'false' && auth !== undefined && !isLoopback(host));
  return { host, port: Number(port) || (secure ? 465 : 587), secure, requireTLS, auth };
}

function isLoopback(host: string): boolean {
  const address = foldAddress(host);
  return host === 'localhost' || address === '::1' || address?.startsWith('127.') === true;
}

function unquote(name: string): string {
  return name.replace(/^"(.*)"$/, '$1').replace(/\\(.)/g, '$1');
}

/** The left side of the Message-ID: keys may hold ids that are nobody's business. */
function messageKey(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 40);
}

/** A 5xx answer to the recipient or the message; not one to the sender or the credentials, which an operator can mend. */
function isRefusal(error: unknown): boolean {
  const { code, command, permanent } = error as NodemailerError;
  return (
    permanent === true && (code === 'EENVELOPE' || code === 'EMESSAGE') && (command === 'RCPT TO' || command === 'DATA')
  );
}
