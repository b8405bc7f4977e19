import { BlockList, isIPv6 } from 'node:net';
import { foldAddress } from '../geo/address.ts';

/** A port; obfuscated ones as in RFC 7239, 6.2. */
const PORT = /:(?:\d{1,5}|_[\w.-]+)$/;

/**
 * The address in an element of `X-Forwarded-For`, which no standard describes: bare, with a port (`203.0.113.7:52113`), in brackets
 * (`[2001:db8::1]:443`), in quotes, or as in `Forwarded` (`for="[2001:db8::1]"`, RFC 7239, 4). Null for anything else (`unknown`, `unix:`).
 */
export function bareAddress(element: string): string | null {
  // An IPv6 address whose last group could be a port is an address.
  const plain = foldAddress(element);
  if (plain !== null) return plain;
  const text = element
    .trim()
    .replace(/^for\s*=\s*([^;]*).*$/i, '$1')
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .trim();
  const host = text.replace(PORT, '');
  return foldAddress(text) ?? foldAddress(host) ?? foldAddress(host.replace(/^\[(.*)\]$/, '$1'));
}

/** Whether an address, as a socket or a proxy reports it, is that of a trusted proxy. `ranges`: addresses and CIDR ranges. */
export function createProxyTrust(ranges: readonly string[]): (hop: string | undefined) => boolean {
  const trusted = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  return (hop) => {
    const address = hop === undefined ? null : bareAddress(hop);
    return address !== null && trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  };
}
