import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { domainToASCII } from 'node:url';
import type { Mail } from './mail.ts';

const SENDER = /^(?:(.*?)\s*<)?([^<>\s]+@([^<>\s@]+))>?$/;

export interface Sender {
  name: string;
  address: string;
  /** In ASCII. */
  domain: string;
}

/** Parses `address` or `Name <address>`, the name quoted or not. Throws a TypeError for any other text. */
export function senderOf(from: string): Sender {
  const [, name = '', address, domain] = SENDER.exec(from.trim()) ?? [];
  if (address === undefined || domain === undefined) throw new TypeError('MAIL_FROM must be one mail address.');
  return { name: unquote(name), address, domain: domainToASCII(domain) || domain };
}

function unquote(name: string): string {
  return name.replace(/^"(.*)"$/, '$1').replace(/\\(.)/g, '$1');
}

/** A mail for sending: the envelope, with domains in ASCII if possible, and the bytes of the message (RFC 5322). */
export interface ComposedMail {
  envelope: { from: string; to: string };
  bytes: Buffer;
}

/**
 * Composes messages, signed with DKIM if there is a key. The library takes some 60 ms and 25 MB to load, so it is loaded at the
 * first mail.
 */
export function createComposer(
  sender: Sender,
  dkim: { privateKey: string; selector: string; domain: string | null } | null,
): (mail: Mail) => Promise<ComposedMail> {
  return async (mail) => {
    const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
    const composer = new MailComposer({
      from: { name: sender.name, address: sender.address },
      to: { name: '', address: mail.to },
      subject: mail.subject.replace(/\p{Cc}+/gu, ' '),
      text: mail.text,
      html: mail.html,
      messageId: `<${messageKey(mail.key)}@${sender.domain}>`,
      // RFC 3834, 5: nobody would read out-of-office replies.
      headers: { 'Auto-Submitted': 'auto-generated' },
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const message = composer.compile();
    const { from, to } = message.getEnvelope();
    const bytes = await message.build();
    return { envelope: { from: from || sender.address, to: to[0] ?? mail.to }, bytes: await sign(bytes) };
  };

  async function sign(bytes: Buffer): Promise<Buffer> {
    if (dkim === null) return bytes;
    const { default: DKIM } = await import('nodemailer/lib/dkim');
    const { privateKey, selector: keySelector, domain } = dkim;
    return buffer(new DKIM({ privateKey, keySelector, domainName: domain ?? sender.domain }).sign(bytes));
  }
}

/** The left side of the Message-ID: hashed, since keys may contain private ids. */
function messageKey(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 40);
}
