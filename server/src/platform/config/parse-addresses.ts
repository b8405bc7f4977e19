import { BlockList, isIP, isIPv6 } from 'node:net';
import { readSmtpUrl } from '../mail/smtp-url.ts';
import { readRedisUrl } from '../redis/redis-url.ts';
import { InvalidValue } from './config-error.ts';
import type { Parser } from './parse-values.ts';

const HOST_LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const HOST_NAME = new RegExp(`^(?=.{1,253}$)${HOST_LABEL}(?:\\.${HOST_LABEL})*$`, 'i');
const hasBlankOrControl = (text: string) => /[\s\p{Cc}]/u.test(text);

/** A host name, or an IP address (IPv6 without brackets), to listen on. */
export const listenHost: Parser<string> = (text) => {
  if (isIP(text) === 0 && !HOST_NAME.test(text)) {
    throw new InvalidValue(
      'is not a host name or IP address',
      'Write only the host, such as 127.0.0.1, 0.0.0.0 or ::.',
    );
  }
  return text;
};

/** A host name of a Host header, without port; lower case, IPv6 in brackets. `*.example.com` is any subdomain. */
export const trustedHost: Parser<string> = (text) => {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (isIPv6(bare) && URL.canParse(`http://[${bare}]`)) return new URL(`http://[${bare}]`).hostname;
  if (!HOST_NAME.test(text.replace(/^\*\./, ''))) {
    throw new InvalidValue(
      'is not a host name',
      'Write names without scheme and port, such as auth.example.com or *.example.com.',
    );
  }
  return text.toLowerCase();
};

/** An absolute http(s) URL without credentials, query and fragment; normalised, without a trailing slash. */
export const publicUrl: Parser<string> = (text) => {
  const fix = 'Write scheme, host and, if needed, port and path, such as https://auth.example.com.';
  if (!/^https?:\/\//i.test(text) || hasBlankOrControl(text) || !URL.canParse(text)) {
    throw new InvalidValue('is not an http:// or https:// URL', fix);
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw new InvalidValue('contains credentials', fix);
  if (/[?#]/.test(text)) throw new InvalidValue('has a query or fragment', fix);
  return url.origin + url.pathname.replace(/\/+$/, '');
};

/**
 * An origin as browsers send it (RFC 6454, 6.2), or `*`. Schemes other than http(s) are for the web views of apps
 * (`capacitor://localhost`). `null` is refused: any sandboxed frame of any site has that origin.
 */
export const corsOrigin: Parser<string> = (text) => {
  if (text === '*') return text;
  const [, scheme, host, port] =
    /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^[\]:/?#@\s]+)(:\d{1,5})?$/i.exec(text) ?? [];
  const named = host !== undefined && (host.startsWith('[') || HOST_NAME.test(host));
  if (scheme === undefined || !named || !URL.canParse(text)) {
    throw new InvalidValue(
      'is not an origin',
      'Write scheme://host or scheme://host:port without path, slash or wildcard, such as https://app.example.com.',
    );
  }
  return /^https?$/i.test(scheme) ? new URL(text).origin : `${scheme}://${host}${port ?? ''}`.toLowerCase();
};

/**
 * The origin of a page, or of an Android app, as browsers and apps write it into the client data of WebAuthn. Only `localhost` may be without
 * TLS: browsers give no other page passkeys.
 */
export const passkeyOrigin: Parser<string> = (text, cwd) => {
  if (/^android:apk-key-hash:[\w-]{43}$/.test(text)) return text;
  // `*` is no origin: each is compared exactly.
  const { protocol, hostname } = new URL(text === '*' ? 'any:' : corsOrigin(text, cwd));
  if (protocol === 'https:' || (protocol === 'http:' && isLocalhost(hostname))) return new URL(text).origin;
  throw new InvalidValue(
    'is not an origin that has passkeys',
    'Write https://host, http://localhost:port, or android:apk-key-hash: with the hash of an app.',
  );
};

const isLocalhost = (hostname: string) => hostname === 'localhost' || hostname.endsWith('.localhost');

/** The name of a header field (RFC 9110, 5.1). `*` is refused: with credentials it is a name like any other (Fetch standard, 3.2.3). */
export const headerName: Parser<string> = (text) => {
  if (!/^[\w!#$%&'+.^`|~-]+$/.test(text)) {
    throw new InvalidValue('is not the name of a header field', 'Write names such as X-Tenant, without wildcards.');
  }
  return text;
};

/** Prefixes of the largest private networks, 10.0.0.0/8 and fc00::/7. Shorter ones include the public internet. */
const WIDEST_PREFIX = { ipv4: 8, ipv6: 7 };

/** A CIDR range or address of a proxy. Wide ranges are refused: strangers in them could forge `X-Forwarded-For`. */
export const proxyRange: Parser<string> = (text) => {
  const [, address = '', prefixText] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const bits = family === 'ipv6' ? 128 : 32;
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  if (isIP(address) === 0 || address.includes('%') || prefix > bits) {
    throw new InvalidValue(
      'is not a CIDR or IP address',
      'Write the addresses of your proxies, such as 10.0.0.0/8 or 192.0.2.7.',
    );
  }
  if (prefix < WIDEST_PREFIX[family]) {
    throw new InvalidValue(
      'includes strangers, who could then forge their address by X-Forwarded-For and escape every limit',
      'Write only the networks of your own proxies, such as 10.0.0.0/8.',
    );
  }
  if (family === 'ipv6' && overlapsMappedIPv4(address, prefix)) {
    throw new InvalidValue('is an IPv4 range in IPv6 form', 'Write it in IPv4 form, such as 10.0.0.0/8.');
  }
  return prefixText === undefined ? address : `${address}/${prefix}`;
};

/** Whether an IPv6 range overlaps ::ffff:0:0/96, the addresses of IPv4 clients on a dual-stack socket. */
function overlapsMappedIPv4(address: string, prefix: number): boolean {
  const mapped = new BlockList();
  mapped.addSubnet('::ffff:0:0', 96, 'ipv6');
  const range = new BlockList();
  range.addSubnet(address, prefix, 'ipv6');
  return mapped.check(address, 'ipv6') || range.check('::ffff:0:0', 'ipv6');
}

const MAIL_ADDRESS = '[^\\s@<>()",;:\\\\]+@[^\\s@<>()",;:\\\\]+';
const SENDER = new RegExp(`^(?:${MAIL_ADDRESS}|(?:"(?:[^"\\\\]|\\\\.)*"|[^"<>(),;:@\\\\]*)<${MAIL_ADDRESS}>)$`);

/**
 * One sender: `a@b` or `Name <a@b>` (RFC 5322, 3.4). Line breaks are refused: they would add header fields. Parsers
 * of mail headers guess at malformed input, so none is used here.
 */
export const sender: Parser<string> = (text) => {
  const spaced = text.replace(/\s+</, '<');
  if (/\p{Cc}/u.test(text) || !SENDER.test(spaced)) {
    throw new InvalidValue('is not one mail address', 'Write a@example.com or Name <a@example.com>.');
  }
  return text;
};

/** See `readRedisUrl`. */
export const redisUrl: Parser<string> = (text) => {
  try {
    readRedisUrl(text);
    return text;
  } catch (error) {
    throw new InvalidValue(
      error instanceof Error ? error.message : 'is not a Redis URL',
      'Write redis://user:password@host:6379/0, redis+sentinel://user:password@host:26379,host:26379/0?master=NAME or redis+cluster://user:password@host:6379,host:6379, with special characters of the password percent-encoded.',
    );
  }
};

/** See `readSmtpUrl`. */
export const smtpUrl: Parser<string> = (text) => {
  try {
    readSmtpUrl(text);
    return text;
  } catch (error) {
    throw new InvalidValue(
      error instanceof Error ? error.message : 'is not an SMTP URL',
      'Write smtp://user:password@host:587 or smtps://user:password@host:465, with special characters of the password percent-encoded; the only option is ?requireTLS=true or false (a certificate goes into SMTP_CA_FILE).',
    );
  }
};

/** A domain in ASCII, in lower case. */
export const domain: Parser<string> = (text) => {
  if (!HOST_NAME.test(text) || isIP(text) !== 0) {
    throw new InvalidValue(
      'is not a domain',
      'Write a name such as example.com, and an international one in its xn-- form.',
    );
  }
  return text.toLowerCase();
};
