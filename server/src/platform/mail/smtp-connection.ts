import type { Readable } from 'node:stream';
import type { NodemailerError } from 'nodemailer';
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import { SECOND } from '../clock.ts';
import { MailRefused } from './mail.ts';
import type { SmtpAddress } from './smtp-url.ts';

/** Milliseconds. Servers that accept at all do so in this time. */
const CONNECT_TIMEOUT = 10 * SECOND;
const GREETING_TIMEOUT = 10 * SECOND;
const SILENCE_TIMEOUT = 30 * SECOND;
/** Maximum time for the answer to QUIT. */
const QUIT_TIMEOUT = 2 * SECOND;

/** The port for TLS from the first byte (RFC 8314, 3.3). */
const SMTPS = 465;
/** What OpenSSL says, with a path of its source, about an answer that is no TLS. */
const NO_TLS = /wrong version number|packet length too long|unsupported protocol|http request/i;

/** The library's mechanisms for a user and a password. */
const MECHANISMS = ['PLAIN', 'LOGIN', 'CRAM-MD5'];

export interface SmtpConnection {
  /** Whether another mail can be sent: neither side has closed the connection. */
  isOpen(): boolean;
  /**
   * Sends one mail. Rejects with `MailRefused` if the recipient needs SMTPUTF8 (RFC 6531) and the server does not support it,
   * else with the library's error or the reason of `signal`. `message` is not read before the server has accepted the recipient.
   */
  send(envelope: Envelope, message: Readable, signal: AbortSignal): Promise<void>;
  /** Ends with QUIT (RFC 5321, 4.1.1.10), or without it if the server does not answer in time. Never rejects. */
  quit(): Promise<void>;
}

export interface Envelope {
  from: string;
  to: string;
}

/**
 * Connects and signs in. Rejects with the library's error (`ESOCKET`, `ETLS`, `EAUTH` …); with `EAUTH` also if there are
 * credentials and the server offers no supported mechanism: then they are not sent.
 *
 * The library's own pool would send without authentication, hide the server's extensions and drop idle connections, so only its connection is used.
 */
export async function connectSmtp(
  server: SmtpAddress & { ca: string | null; ehloName: string | null },
  signal: AbortSignal,
): Promise<SmtpConnection> {
  const { default: Connection } = await import('nodemailer/lib/smtp-connection');
  const { host, port, secure, requireTLS, auth, ca, ehloName } = server;
  const connection = new Connection({
    host,
    port,
    secure,
    requireTLS,
    ...(ca !== null && { tls: { ca } }),
    ...(ehloName !== null && { name: ehloName }),
    connectionTimeout: CONNECT_TIMEOUT,
    greetingTimeout: GREETING_TIMEOUT,
    socketTimeout: SILENCE_TIMEOUT,
  });
  // isOpen shows failures between commands.
  connection.on('error', () => {});

  let offers: string[] = [];
  try {
    offers = await settle(connection, signal, (done) => {
      connection.connect((error) => done(error ?? null, offersIn(connection.lastServerResponse)));
    });
    if (auth !== null) await signIn(connection, auth, offers, signal);
  } catch (error) {
    connection.close();
    throw asHint(error, server);
  }

  async function send(envelope: Envelope, message: Readable, signal: AbortSignal): Promise<void> {
    if (!offers.includes('SMTPUTF8')) refuseBeyondAscii(envelope);
    try {
      await settle(connection, signal, (done) => connection.send(envelope, message, done));
    } catch (error) {
      await afterFailure(error as NodemailerError, signal);
      throw error;
    }
  }

  /** A server that refused a mail accepts others; after any other error its state is unknown. */
  async function afterFailure({ code, responseCode }: NodemailerError, signal: AbortSignal): Promise<void> {
    const refused = (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode !== 421;
    try {
      if (!refused || connection.destroyed) connection.close();
      else await settle(connection, signal, (done) => connection.reset(done));
    } catch {
      connection.close();
    }
  }

  async function quit(): Promise<void> {
    if (connection.destroyed) return;
    await settle(connection, AbortSignal.timeout(QUIT_TIMEOUT), () => connection.quit()).catch(() => {});
    connection.close();
  }

  return { isOpen: () => !connection.destroyed, send, quit };
}

/** The error of a connection that speaks TLS where the server does not, or does not where the server does, as a sentence that helps. */
function asHint(error: unknown, { port, secure }: SmtpAddress): unknown {
  const { name, message, code } = error as NodemailerError;
  const waits = code === 'ETIMEDOUT' && /greeting/i.test(message);
  const isSilent = code === 'ETIMEDOUT' || code === 'ECONNECTION' || name === 'TimeoutError';
  if (!secure && (waits || (port === SMTPS && isSilent))) {
    return coded(
      'ETIMEDOUT',
      `The mail server gives no greeting on port ${port}${port === SMTPS ? ', where mail servers expect TLS from the first byte' : ''}: if it expects TLS from the first byte, write smtps: instead of smtp: in SMTP_URL.`,
    );
  }
  if (secure && NO_TLS.test(message)) {
    return coded(
      'ETLS',
      `The mail server does not speak TLS from the first byte on port ${port}: write smtp: instead of smtps: in SMTP_URL, which changes to TLS by STARTTLS.`,
    );
  }
  return error;
}

async function signIn(
  connection: SMTPConnection,
  auth: { user: string; pass: string },
  offers: string[],
  signal: AbortSignal,
): Promise<void> {
  const mechanism = MECHANISMS.find((name) => offers.includes(`AUTH ${name}`));
  if (mechanism === undefined) {
    throw coded(
      'EAUTH',
      'SMTP_URL contains a user and a password, but the mail server offers no way to sign in with them.',
    );
  }
  await settle(connection, signal, (done) => connection.login({ ...auth, method: mechanism }, done));
}

/** The service extensions in the answer to EHLO (RFC 5321, 4.1.1.1), in capitals; `AUTH X` for each mechanism X (RFC 4954, 3). */
function offersIn(reply: string | false): string[] {
  const [, ...lines] = (reply || '').toUpperCase().split(/\r?\n/);
  return lines.flatMap((line) => {
    const [keyword = '', ...parameters] = line
      .slice('250-'.length)
      .trim()
      .split(/[\s=]+/);
    return keyword === 'AUTH' ? parameters.map((name) => `AUTH ${name}`) : [keyword];
  });
}

/** Without SMTPUTF8 a server may drop, bounce or garble such an address (RFC 6531, 3.2). The operator can correct the sender. */
function refuseBeyondAscii({ from, to }: Envelope): void {
  const isAscii = (address: string) => /^[\x20-\x7e]*$/.test(address);
  if (!isAscii(from)) throw coded('EENVELOPE', 'MAIL_FROM needs SMTPUTF8, which the mail server does not offer.');
  if (!isAscii(to)) throw new MailRefused('The recipient needs SMTPUTF8, which the mail server does not offer.');
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** One step of a connection as a promise, which also rejects when the connection ends; if `signal` aborts, the connection is closed. */
function settle<T>(
  connection: SMTPConnection,
  signal: AbortSignal,
  step: (done: (error: Error | null, result?: T) => void) => void,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  // An error of the step itself arrives after the end of its connection.
  const onEnd = () => setImmediate(() => reject(coded('ECONNECTION', 'The mail server closed the connection.')));
  const onAbort = () => {
    reject(signal.reason);
    connection.close();
  };
  if (signal.aborted) onAbort();
  else {
    connection.once('error', reject);
    connection.once('end', onEnd);
    signal.addEventListener('abort', onAbort, { once: true });
    step((error, result) => (error ? reject(error) : resolve(result as T)));
  }
  return promise.finally(() => {
    connection.removeListener('error', reject);
    connection.removeListener('end', onEnd);
    signal.removeEventListener('abort', onAbort);
  });
}
