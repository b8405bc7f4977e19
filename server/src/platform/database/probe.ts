import { connect, type NetConnectOpts } from 'node:net';
import type { TimeLimits } from './time-limits.ts';
import type { ServerTarget } from './url.ts';
import { createWatchdog, type Watch } from './watchdog.ts';

/** PostgreSQL answers this with one byte before authentication: the SSLRequest of its protocol (55.2.10). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** Checks a PostgreSQL or MySQL server by its first byte. A connection by a local socket cannot be lost. */
export function watchServer(target: ServerTarget, limits: TimeLimits): Watch {
  const { hosts, port } = target;
  const [host = ''] = hosts;
  if (host.startsWith('/')) return createWatchdog(limits, async () => undefined);
  // MySQL sends first.
  const question = target.product === 'PostgreSQL' ? SSL_REQUEST : null;
  return createWatchdog(limits, () => firstByte({ host, port, timeout: 2 * limits.probe }, question));
}

/** Resolves with the first byte; rejects without a connection, or without a byte in time. */
function firstByte(place: NetConnectOpts, question: Buffer | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(place);
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
