import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Answer } from './answer.ts';

/** Requests that may wait on one connection behind one that is being answered. Browsers and proxies send none ahead. */
const MOST_WAITING = 8;

const waiting = new WeakMap<Socket, number>();

/**
 * Whether too many requests wait on this connection (pipelining; RFC 9112, 9.3.2). Node stops reading only after it has handed on all
 * that one read brought: thousands of requests, each of which might open a file or make a long answer for a client that reads none.
 */
export function isPiledUp(request: IncomingMessage, answer: ServerResponse): boolean {
  // An answer gets its socket when it is its turn. (`app.inject` has answers of its own, and no sockets.)
  if (!(answer instanceof Answer) || answer.socket !== null) return false;
  const { socket } = request;
  const count = (waiting.get(socket) ?? 0) + 1;
  waiting.set(socket, count);
  answer.once('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
  return count > MOST_WAITING;
}
