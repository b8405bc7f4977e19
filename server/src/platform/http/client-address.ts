import { isIP, type Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { foldAddress } from '../geo/address.ts';
import { bareAddress } from './forwarded-for.ts';

/**
 * The client's address as text: the one that the trusted proxies report, else the peer's; IPv4 on an IPv6 socket (RFC 4291, 2.5.5.2) as
 * IPv4. A proxy that reports something that is no address counts as the client.
 */
export function clientAddress(request: FastifyRequest): string {
  const { headers } = request.raw;
  // Node takes the socket away from a request that was destroyed, also before its line is logged.
  const peer = (request.raw.socket as Socket | null)?.remoteAddress ?? '';
  // Undefined if no proxy is trusted; else the peer and what each trusted hop reports, up to the first that is not trusted.
  const hops = headers['x-forwarded-for'] === undefined ? undefined : request.ips;
  for (const hop of hops?.toReversed() ?? []) {
    const address = bareAddress(hop);
    if (address !== null) return address;
  }
  return foldAddress(peer) ?? peer;
}

/**
 * The key of limits: an IPv4 address, or the /64 of an IPv6 address, since one subscriber has at least that
 * much and would otherwise have 2^64 counters.
 */
export function clientKey(address: string): string {
  if (!address.includes(':')) return address;
  const groups = ipv6Groups(address);
  return groups === null ? address : `${groups.slice(0, 4).join(':')}::/64`;
}

/** The eight groups of an IPv6 address in lower case without leading zeros; null for any other text. */
function ipv6Groups(address: string): string[] | null {
  const text = address.split('%', 1)[0] ?? '';
  if (isIP(text) !== 6) return null;
  const [head = '', tail] = text.toLowerCase().split('::');
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right];
}

function words(part: string): string[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16).toString(16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)];
  });
}
