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

/**
 * Logs, once each, why clients behind a proxy would share one limit although everything else works: a proxy that is missing in
 * `TRUSTED_PROXIES`, or a trusted one that says nothing readable. Strangers can send such fields, too, which costs one line.
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
    } else if (UNREAD.some((name) => headers[name] !== undefined) && isTrusted(peer)) tell(ELSEWHERE, peer);
  }

  return (request, _reply, done) => {
    look(request);
    done();
  };
}
