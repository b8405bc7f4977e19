import { isIPv4, isIPv6 } from 'node:net';

/**
 * Normalises an IP address: IPv6 in the form of RFC 5952 without a zone, an IPv4-mapped one (`::ffff:192.0.2.1`)
 * as IPv4. Null for any other text.
 */
export function foldAddress(ip: string): string | null {
  if (isIPv4(ip)) return ip;
  if (!isIPv6(ip)) return null;
  const host = new URL(`http://[${ip.split('%')[0]}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (!mapped) return host;
  const bits = Number.parseInt(mapped[1] ?? '', 16) * 0x10000 + Number.parseInt(mapped[2] ?? '', 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join('.');
}
