import { isIPv4 } from 'node:net';
import { foldAddress } from '../geo/address.ts';

/** Groups of 16 bits in an IPv6 address, and how many of them a provider assigns to one site (RFC 6177). */
const GROUPS = 8;
const SITE_GROUPS = 3;

/**
 * The network of an address, for detecting a sign-in from a new one: /24 for IPv4, /48 for IPv6, IPv4-mapped addresses as
 * IPv4. Any other text is a network of its own.
 */
export function networkOf(ip: string): string {
  const address = foldAddress(ip);
  if (address === null) return ip;
  if (isIPv4(address)) return `${address.split('.').slice(0, 3).join('.')}.0/24`;
  const [head = '', tail] = address.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const zeros = tail === undefined ? [] : new Array<string>(GROUPS - head.length - tail.length).fill('0');
  const site = [...head, ...zeros, ...(tail ?? [])].slice(0, SITE_GROUPS);
  return `${site.join(':')}::/48`;
}
