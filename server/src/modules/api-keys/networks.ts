import { BlockList, isIP } from 'node:net';
import { foldAddress } from '../../platform/geo/address.ts';

const BITS = { 4: 32, 6: 128 } as const;

interface Network {
  address: string;
  prefix: number;
  family: 4 | 6;
}

/**
 * A network in CIDR notation, IPv4 or IPv6, in its one form: `192.0.2.7` → `192.0.2.7/32`, `2001:DB8::/32` → `2001:db8::/32`. Null for any
 * other text, and for one with bits of hosts, which was not meant as it stands.
 */
export function toNetwork(text: string): string | null {
  const [address = '', length] = text.split('/');
  const folded = address.includes('%') ? null : foldAddress(address);
  if (folded === null || text.split('/').length > 2) return null;
  const family = isIP(folded) === 4 ? 4 : 6;
  // An IPv4 network in the form of IPv6 counts its bits from there.
  const mapped = family === 4 && address.includes(':') ? BITS[6] - BITS[4] : 0;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return null;
  const prefix = length === undefined ? BITS[family] : Number(length) - mapped;
  if (prefix < 0 || prefix > BITS[family]) return null;
  return isFirst(folded, prefix, family) ? `${folded}/${prefix}` : null;
}

/** Whether an address lies in one of these networks (CIDR). */
export function createNetworkCheck(networks: readonly string[]): (ip: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const { address, prefix, family } = partsOf(network);
    list.addSubnet(address, prefix, `ipv${family}`);
  }
  return (ip) => {
    const address = foldAddress(ip);
    return address !== null && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  };
}

/** Whether each of `inner` lies in one of `outer`; no networks are all addresses. */
export function coversNetworks(outer: readonly string[], inner: readonly string[]): boolean {
  if (outer.length === 0) return true;
  if (inner.length === 0) return false;
  return inner.every((network) => {
    const { address, prefix, family } = partsOf(network);
    return outer.some((wide) => {
      const around = partsOf(wide);
      return around.family === family && around.prefix <= prefix && createNetworkCheck([wide])(address);
    });
  });
}

/** Of a network as `toNetwork` writes it. */
function partsOf(network: string): Network {
  const [address = '', prefix] = network.split('/');
  return { address, prefix: Number(prefix), family: isIP(address) === 4 ? 4 : 6 };
}

/** Whether an address is the first one of its network. */
function isFirst(address: string, prefix: number, family: 4 | 6): boolean {
  return bitsOf(address, family)
    .slice(prefix)
    .every((bit) => bit === 0);
}

function bitsOf(address: string, family: 4 | 6): number[] {
  const size = family === 4 ? 8 : 16;
  const groups = family === 4 ? address.split('.').map(Number) : ipv6Groups(address);
  return groups.flatMap((group) => Array.from({ length: size }, (_, bit) => (group >> (size - 1 - bit)) & 1));
}

/** Of an address in the form of RFC 5952. */
function ipv6Groups(address: string): number[] {
  const [head = '', tail] = address.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const zeros = tail === undefined ? [] : new Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16));
}
