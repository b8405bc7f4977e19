import { domainToASCII, domainToUnicode } from 'node:url';

/** Bytes. RFC 5321, 4.5.3.1.1. */
const LOCAL_PART_LIMIT = 64;
/** Bytes. RFC 5321, 4.5.3.1.3: a path of 256 with its angle brackets. */
const ADDRESS_LIMIT = 254;
/** Characters, before anything is done to the input; NFKC can lengthen it eighteenfold. */
const INPUT_LIMIT = 320;

/**
 * Dot-atom of RFC 5322, widened by RFC 6531 to letters, marks and digits of any script. Quoted strings, comments, spaces and
 * control characters are out: they are how a second recipient or a header line gets into a mail.
 */
const ATOM = String.raw`[[\p{L}\p{M}\p{N}!#$%&'*+\/=?^_\`\{\|\}~\-]--\p{Default_Ignorable_Code_Point}]+`;
const LOCAL_PART = new RegExp(String.raw`^${ATOM}(?:\.${ATOM})*$`, 'v');

/** What may be handed to domainToASCII: it parses a URL's host, so that "/", ":", "%" and digits alone have a meaning of their own. */
const DOMAIN_BEFORE = /^[\p{L}\p{M}\p{Nd}\p{So}\p{Join_Control}.\u3002-]+$/u;
/** LDH labels (RFC 1123, 2.1) and a top-level one that is no number, so no IPv4 address either. */
const DOMAIN_AFTER = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

const lowerNfkc = (text: string): string => text.normalize('NFKC').toLowerCase().normalize('NFKC');

/**
 * The one form of an e-mail address that decides whether two are the same: trimmed, NFKC, lower case, the domain in ASCII
 * (UTS #46). Null for what is not one plausible address: display names, comments, quoted local parts, address literals,
 * domains without a dot. Applied to its own result it changes nothing.
 */
export function canonicalEmail(input: string): string | null {
  const trimmed = input.trim();
  if (trimmed.length > INPUT_LIMIT) return null;
  const parts = lowerNfkc(trimmed).split('@');
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
  // There and back: an "xn--" label that encodes something else than its canonical Unicode form has no second spelling.
  const ascii = domainToASCII(domainToUnicode(domainToASCII(domain)));
  return DOMAIN_AFTER.test(ascii) ? ascii : null;
}
