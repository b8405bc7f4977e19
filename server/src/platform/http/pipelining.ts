import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { MINUTE } from '../clock.ts';

/** Requests that may wait on one connection behind the one being answered (RFC 9112, 9.3.2). Browsers and proxies do not pipeline. */
const MOST_WAITING = 8;
/** Additional requests that may wait for their refusal. */
const MOST_REFUSED = 32;

const waiting = new WeakMap<Socket, number>();

/** Whether too many requests wait on this request's connection, so that it must be refused. */
export function isPiledUp({ socket }: IncomingMessage): boolean {
  return (waiting.get(socket) ?? 0) > MOST_WAITING;
}

/**
 * Closes connections with far too many pipelined requests. Node stops reading only after it has passed on all requests of one read: thousands,
 * each of which might open a file, or wait with its answer for a client that reads none. Runs before all other
 * hooks: even the cheapest answer is too expensive for each.
 */
export function cutFloods(server: Server, log: Logger): void {
  const listeners = server.listeners('request') as RequestListener[];
  let warnedAt = Number.NEGATIVE_INFINITY;
  server.removeAllListeners('request');
  server.on('request', (request, answer) => {
    const { socket } = request;
    // An answer gets its socket at its turn.
    if (answer.socket === null) {
      const count = (waiting.get(socket) ?? 0) + 1;
      if (count > MOST_WAITING + MOST_REFUSED) {
        if (performance.now() - warnedAt > MINUTE) {
          warnedAt = performance.now();
          log.warn(
            { ip: socket.remoteAddress },
            'a client sends too many pipelined requests; such connections are closed',
          );
        }
        // The same read may contain more; they end here, too.
        socket.resetAndDestroy();
        return;
      }
      waiting.set(socket, count);
      answer.once('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
    }
    for (const listener of listeners) listener.call(server, request, answer);
  });
}
