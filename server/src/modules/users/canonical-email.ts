import { domainToASCII, domainToUnicode } from 'node:url';
import { trimInvisible } from '../../platform/typed-text.ts';

/** Bytes. RFC 5321, 4.5.3.1.1. */
const LOCAL_PART_LIMIT = 64;
/** Bytes. RFC 5321, 4.5.3.1.3: a path has at most 256, angle brackets included. */
const ADDRESS_LIMIT = 254;
/** UTF-16 units, checked before normalization: NFKC can make a text 18 times as long. */
const INPUT_LIMIT = 320;

/**
 * Dot-atom of RFC 5322, widened by RFC 6531 to letters, marks and digits of any script. Quoted strings, comments, spaces and
 * control characters are refused: they can smuggle a second recipient or a header line into a mail.
 */
const ATOM = String.raw`[[\p{L}\p{M}\p{N}!#$%&'*+\/=?^_\`\{\|\}~\-]--\p{Default_Ignorable_Code_Point}]+`;
const LOCAL_PART = new RegExp(String.raw`^${ATOM}(?:\.${ATOM})*$`, 'v');

/** Characters that may be passed to domainToASCII: it parses the host of a URL, where "/", ":" and "%" have a special meaning. */
const DOMAIN_BEFORE = /^[\p{L}\p{M}\p{Nd}\p{So}\p{Join_Control}.\u3002-]+$/u;
/** Labels of letters, digits and hyphens (RFC 1123, 2.1); the top-level one begins with a letter, which excludes IPv4 addresses. */
const DOMAIN_AFTER = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

const lowerNfkc = (text: string): string => text.normalize('NFKC').toLowerCase().normalize('NFKC');
/** Turkish İ is an `i` in lower case, as is what other languages make of it, an `i` with a second dot. */
const withoutSecondDot = (lower: string): string => lower.replace(/i\u0307+/g, 'i').normalize('NFKC');

/**
 * The canonical form of an e-mail address, by which addresses are compared: without blanks and invisible characters at its ends, NFKC,
 * lower case, the domain in ASCII (UTS #46). Null unless the input is one plausible address: display names, comments, quoted local parts,
 * address literals and domains without a dot are refused. Idempotent.
 */
export const canonicalEmail = (input: string): string | null => canonicalOf(input, withoutSecondDot);

/** The canonical form that an address with İ had when its second dot was kept, and accounts may still have; null for any other address. */
export function dottedEmail(input: string): string | null {
  const dotted = canonicalOf(input, (lower) => lower);
  return dotted === canonicalEmail(input) ? null : dotted;
}

function canonicalOf(input: string, fold: (lower: string) => string): string | null {
  const trimmed = trimInvisible(input);
  if (trimmed.length > INPUT_LIMIT) return null;
  const parts = fold(lowerNfkc(trimmed)).split('@');
  const [local, domain] = parts;
  if (parts.length !== 2 || local === undefined || domain === undefined) return null;
  if (!LOCAL_PART.test(local) || Buffer.byteLength(local) > LOCAL_PART_LIMIT) return null;
  const host = canonicalDomain(domain);
  if (host === null) return null;
  const email = `${local}@${host}`;
  return Buffer.byteLength(email) > ADDRESS_LIMIT ? null : email;
}

function canonicalDomain(domain: string): string | null {
  if (!DOMAIN_BEFORE.test(domain)) return null;
  // To Unicode and back: otherwise an "xn--" label that encodes a non-canonical form would be a second spelling of the domain.
  const ascii = domainToASCII(domainToUnicode(domainToASCII(domain)));
  return DOMAIN_AFTER.test(ascii) ? ascii : null;
}
