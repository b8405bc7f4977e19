import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WebSocket, WebSocketServer } from 'ws';
import type { HttpServer } from '../http/routes.ts';
import { FastServerResponse } from '../http/server-response.ts';

/** Octets of the largest message that a client may send. */
export const LARGEST_MESSAGE = 16_384;

/** The first octets after the request, which Node has read already. */
const heads = new WeakMap<IncomingMessage, Buffer>();

/** Whether a request asks for a WebSocket; `Upgrade: h2c`, which some clients send with every request, is answered as if it were not there. */
export const asksForWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';

/**
 * Lets requests for a WebSocket take the way of every other request: through arrival, guard and limits to a route, which then calls
 * `openWebSocket`. Every other route answers them as if they asked for nothing.
 */
export function routeUpgrades({ server }: HttpServer): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    heads.set(request, head);
    const response = new FastServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as never);
    // Node's parser has let go of this connection: what is not upgraded ends with its answer.
    response.once('finish', () => socket.end());
    socket.once('error', () => socket.destroy());
    server.emit('request', request, response);
  });
}

let opening: Promise<WebSocketServer> | undefined;

/** Loaded by the first client: most processes never serve one. */
function webSockets(): Promise<WebSocketServer> {
  opening ??= import('ws').then(
    ({ WebSocketServer: Server }) =>
      new Server({
        noServer: true,
        clientTracking: false,
        maxPayload: LARGEST_MESSAGE,
        // Compression keeps a window for each connection, and mixes secrets with what others choose (BREACH).
        perMessageDeflate: false,
        handleProtocols: (protocols: Set<string>) =>
          [...protocols].find((name) => !name.startsWith(TOKEN_PROTOCOL)) ?? false,
      }),
  );
  return opening;
}

/** A subprotocol with this prefix carries a token, and is never the one that is chosen. */
export const TOKEN_PROTOCOL = 'bearer.';

/** Completes the handshake (RFC 6455, 4.2.2) of a request that `asksForWebSocket`; null if the handshake is malformed, which is then answered. */
export async function openWebSocket(request: FastifyRequest, reply: FastifyReply): Promise<WebSocket | null> {
  const { raw } = request;
  const server = await webSockets();
  const { socket } = raw;
  if (socket.destroyed) return null;
  reply.hijack();
  reply.raw.detachSocket(socket);
  return new Promise((resolve) => {
    const head = heads.get(raw) ?? Buffer.alloc(0);
    socket.once('close', () => resolve(null));
    server.handleUpgrade(raw, socket, head, resolve);
  });
}
