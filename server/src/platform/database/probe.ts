import { connect } from 'node:net';
import type { ServerTarget } from './url.ts';
import { createWatchdog, type Watch } from './watchdog.ts';

/** PostgreSQL answers this with one byte before authentication: the SSLRequest of its protocol (55.2.10). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** Checks a PostgreSQL or MySQL server by its first byte. A connection by a local socket cannot be lost. */
export function watchServer(target: ServerTarget, limit: number): Watch {
  const { hosts, port } = target;
  const [host = ''] = hosts;
  if (host.startsWith('/')) return createWatchdog(limit, async () => undefined);
  // MySQL sends first.
  const question = target.product === 'PostgreSQL' ? SSL_REQUEST : null;
  return createWatchdog(limit, () => firstByte(host, port, question));
}

/** Resolves with the first byte; rejects without a connection, or without a byte within a second. */
function firstByte(host: string, port: number, question: Buffer | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 1000 });
    const end = (settle: () => void) => () => {
      settle();
      socket.destroy();
    };
    socket.once('data', end(resolve));
    socket.once(
      'timeout',
      end(() => reject(new Error('no answer'))),
    );
    socket.once(
      'close',
      end(() => reject(new Error('closed without an answer'))),
    );
    socket.on('error', reject);
    if (question) socket.write(question);
  });
}
