import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest, onRequestHookHandler } from 'fastify';
import type { Logger } from 'pino';
import { clientAddress } from './client-address.ts';
import { bareAddress } from './forwarded-for.ts';

/** Fields in which proxies report clients, and which nobody reads here. */
const UNREAD = ['forwarded', 'x-real-ip'] as const;

const UNTRUSTED =
  'a request has an untrusted X-Forwarded-For: if it came through your proxy, add that to TRUSTED_PROXIES, or all its clients count as one';
const UNREADABLE =
  'a trusted proxy sends an X-Forwarded-For in which nobody can read the address of the client: all its clients count as one until it sends that address';
const ELSEWHERE =
  'a trusted proxy reports its clients in Forwarded or X-Real-IP only, which are not read: all its clients count as one until it sends X-Forwarded-For';
const CONTRADICTED =
  'a trusted proxy sends a Forwarded or X-Real-IP with an address that its X-Forwarded-For does not have: if no client made it up, the proxy passes on the X-Forwarded-For of clients, who can choose the address that counts until it sets that itself';

/**
 * Logs, once each, why clients behind a proxy would share one limit although everything else works: a proxy that is missing in
 * `TRUSTED_PROXIES`, or a trusted one that says nothing readable; and why they could be anybody. Strangers can send such fields, too, which costs one line.
 */
export function createProxyNotice(log: Logger, isTrusted: (hop: string | undefined) => boolean): onRequestHookHandler {
  const told = new Set<string>();

  function tell(message: string, proxy: string | undefined): void {
    if (told.has(message)) return;
    told.add(message);
    log.warn({ proxy }, message);
  }

  function look(request: FastifyRequest): void {
    const { headers, socket } = request.raw;
    const peer = socket.remoteAddress;
    if (headers['x-forwarded-for']) {
      if (!isTrusted(peer)) tell(UNTRUSTED, peer);
      else if (bareAddress(request.ip) === null) tell(UNREADABLE, clientAddress(request));
      else if (!told.has(CONTRADICTED) && isContradicted(headers)) tell(CONTRADICTED, peer);
    } else if (UNREAD.some((name) => headers[name] !== undefined) && isTrusted(peer)) tell(ELSEWHERE, peer);
  }

  return (request, _reply, done) => {
    look(request);
    done();
  };
}

/** The parameter `for` of the last hop (RFC 7239, 4). */
const LAST_FOR = /.*\bfor\s*=\s*("[^"]*"|[^;,\s]*)/i;

/** Whether a field names a client whom `X-Forwarded-For` does not. */
function isContradicted({ forwarded, ...headers }: IncomingHttpHeaders): boolean {
  const others = [headers['x-real-ip'], forwarded && LAST_FOR.exec(forwarded)?.[1]];
  const addresses = others.flatMap((text) => (typeof text === 'string' ? (bareAddress(text) ?? []) : []));
  if (addresses.length === 0) return false;
  const heard = new Set([headers['x-forwarded-for'] ?? []].flat().join().split(',').map(bareAddress));
  return addresses.some((address) => !heard.has(address));
}
