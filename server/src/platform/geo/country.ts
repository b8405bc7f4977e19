import { readFileSync } from 'node:fs';
import { BlockList, isIPv4 } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type CountryResponse, Reader } from 'mmdb-lib';
import { foldAddress } from './address.ts';

/** The content of these files; the library has types for other files only. */
type Entry = CountryResponse & { country_code?: string };

const PACKAGE = '@ip-location-db/geo-whois-asn-country-mmdb';

/** Addresses without a country: the special-purpose registries of IANA (RFC 6890) and multicast. */
const SPECIAL = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  SPECIAL.addSubnet(network, prefix, 'ipv4');
}
/** All global unicast IPv6 addresses (RFC 4291, 2.4). */
const GLOBAL_IPV6 = new BlockList();
GLOBAL_IPV6.addSubnet('2000::', 3, 'ipv6');
SPECIAL.addSubnet('2001:db8::', 32, 'ipv6');

/** One file per family (3 MB and 5 MB, off the heap), read at the first public address of that family. */
const readers: { ipv4?: Reader<Entry>; ipv6?: Reader<Entry> } = {};

/**
 * The country of registration of an address (ISO 3166-1 alpha-2), from the data of ip-location-db. Null for private, loopback and
 * other special addresses, for unknown ones and for any other text.
 */
export function countryOf(ip: string): string | null {
  const address = foldAddress(ip);
  if (address === null) return null;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  if (SPECIAL.check(address, family) || (family === 'ipv6' && !GLOBAL_IPV6.check(address, 'ipv6'))) return null;
  readers[family] ??= open(family);
  return readers[family].get(address)?.country_code ?? null;
}

function open(family: 'ipv4' | 'ipv6'): Reader<Entry> {
  const file = fileURLToPath(import.meta.resolve(`${PACKAGE}/geo-whois-asn-country-${family}.mmdb`));
  return new Reader<Entry>(readFileSync(file));
}
