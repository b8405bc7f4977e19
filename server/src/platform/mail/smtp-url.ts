import { foldAddress } from '../geo/address.ts';

/** Host, credentials and TLS of a mail server. */
export interface SmtpAddress {
  host: string;
  port: number;
  /** TLS from the first byte. */
  secure: boolean;
  /** No mail and no password is sent before STARTTLS. */
  requireTLS: boolean;
  auth: { user: string; pass: string } | null;
}

const PORTS = { secure: 465, plain: 587 };

/**
 * Reads `smtps://user:password@host:465` (TLS from the first byte) or `smtp://user:password@host:587`, which changes to TLS by
 * STARTTLS (RFC 3207) if the server offers it. `?requireTLS=true` or `false` says whether it must; by default it must if a
 * password would leave this machine. Throws a `TypeError` that names the fault.
 */
export function readSmtpUrl(text: string): SmtpAddress {
  if (!/^smtps?:\/\//i.test(text) || /[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) throw new TypeError(NO_URL);
  const { protocol, hostname, port, username, password, pathname, hash, searchParams } = new URL(text);
  if (hostname === '') throw new TypeError(NO_URL);
  if (port === '0' || (pathname !== '' && pathname !== '/') || hash !== '') {
    throw new TypeError('has more than a host and a port');
  }
  const strange = [...searchParams.keys()].some((name, index) => name !== 'requireTLS' || index > 0);
  if (strange) throw new TypeError('has an option other than requireTLS');
  const secure = protocol === 'smtps:';
  const asked = searchParams.get('requireTLS');
  if (asked !== null && asked !== 'true' && asked !== 'false')
    throw new TypeError('has a requireTLS that is neither true nor false');
  if (secure && asked === 'false') throw new TypeError('requires TLS by smtps: and disables it by requireTLS=false');
  const host = decode(hostname).replace(/^\[|\]$/g, '');
  const auth = credentials(decode(username), decode(password));
  // Otherwise an attacker in between removes the STARTTLS offer and reads the password.
  const requireTLS = asked === 'true' || (asked === null && auth !== null && !isLoopback(host));
  return { host, port: Number(port) || (secure ? PORTS.secure : PORTS.plain), secure, requireTLS, auth };
}

const NO_URL = 'is not an smtp:// or smtps:// URL with a host';

function credentials(user: string, pass: string): SmtpAddress['auth'] {
  if (user === '' && pass === '') return null;
  if (user === '' || pass === '') throw new TypeError('has a user without a password, or a password without a user');
  return { user, pass };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError('has a % that encodes nothing');
  }
}

function isLoopback(host: string): boolean {
  const address = foldAddress(host);
  return host === 'localhost' || address === '::1' || address?.startsWith('127.') === true;
}
