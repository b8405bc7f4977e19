import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Bytes that must arrive in each period of patience: about 1 kB a second, as for answers. */
const LEAST_SENT = 16_384;

/** Connections on which a body may take longer than any other request. */
const patient = new WeakSet<Socket>();

/** Whether the time-out for requests does not apply to what arrives on this connection now. */
export const mayTakeLong = (socket: Socket): boolean => patient.has(socket);

/**
 * The body of a request that may be large, chunk by chunk: it may take as long as it keeps flowing, whatever `REQUEST_TIMEOUT` says, and is cut off where
 * less than 16 kB have arrived in `patience` milliseconds. To be asked of a request that was found to be allowed, so that no stranger can hold a
 * connection in this way. Rejects where the client goes away before the end.
 */
export async function* slowBody(request: IncomingMessage, patience: number): AsyncIterable<Uint8Array> {
  const { socket } = request;
  patient.add(socket);
  let sent = 0;
  const timer = setInterval(() => {
    // What waits here to be read has arrived: then the reader is slow, and not the client.
    if (sent < LEAST_SENT && request.readableLength === 0) socket.destroy(new Error('The body stopped arriving.'));
    sent = 0;
  }, patience).unref();
  try {
    // Who stops reading early answers why, on the same connection.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      sent += chunk.length;
      yield chunk;
    }
  } finally {
    clearInterval(timer);
    patient.delete(socket);
  }
}
