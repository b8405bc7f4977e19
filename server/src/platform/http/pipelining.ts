import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { MINUTE } from '../clock.ts';

/** Requests that may wait on one connection behind one that is being answered (RFC 9112, 9.3.2). Browsers and proxies send none ahead. */
const MOST_WAITING = 8;
/** Of those that are refused beyond it, so many may wait for that, too. */
const MOST_REFUSED = 32;

const waiting = new WeakMap<Socket, number>();

/** Whether too many requests wait on this one's connection, so that it is to be refused. */
export function isPiledUp({ socket }: IncomingMessage): boolean {
  return (waiting.get(socket) ?? 0) > MOST_WAITING;
}

/**
 * Cuts off who sends far too many requests ahead. Node stops reading only after it has handed on all that one read brought: thousands of
 * requests, each of which might open a file or wait with its answer, if only a refusal, for a client that reads none. Comes before all else
 * that looks at requests: also what would be the cheapest answer is too much for each.
 */
export function cutFloods(server: Server, log: Logger): void {
  const listeners = server.listeners('request') as RequestListener[];
  let warnedAt = Number.NEGATIVE_INFINITY;
  server.removeAllListeners('request');
  server.on('request', (request, answer) => {
    const { socket } = request;
    // An answer gets its socket when it is its turn.
    if (answer.socket === null) {
      const count = (waiting.get(socket) ?? 0) + 1;
      if (count > MOST_WAITING + MOST_REFUSED) {
        if (performance.now() - warnedAt > MINUTE) {
          warnedAt = performance.now();
          log.warn(
            { ip: socket.remoteAddress },
            'a client sends far too many requests ahead; such connections are cut',
          );
        }
        // More may come out of the same read; they end here, too.
        socket.resetAndDestroy();
        return;
      }
      waiting.set(socket, count);
      answer.once('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
    }
    for (const listener of listeners) listener.call(server, request, answer);
  });
}
