import type { Socket } from 'node:net';
import type { RedisClient } from './connect.ts';

/**
 * Keeps a second error of a connection from ending the process. ioredis listens to the first error of each stream only, and a refused TLS
 * handshake on a connection that is being closed has two.
 */
export function surviveLateErrors<Client extends RedisClient>(redis: Client): Client {
  let stream: Socket | undefined;
  return Object.defineProperty(redis, 'stream', {
    get: () => stream,
    set(next: Socket | undefined) {
      stream = next;
      next?.on('error', () => {});
    },
    configurable: true,
    enumerable: true,
  });
}
