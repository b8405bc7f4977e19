import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { MINUTE, SECOND } from '../clock.ts';
import type { HttpServer } from './routes.ts';

/** Maximum per process. An idle connection costs some 10 kB. */
const MOST_CONNECTIONS = 10_000;
/** Open files that are reserved for databases, logs and pages. */
const OTHER_FILES = 200;
/** Bytes of a waiting answer that a client must read in each period of patience, or it is cut off: about 1 kB a second. */
const LEAST_TAKEN = 16_384;
const LONGEST_CHECK = SECOND;

export interface ConnectionLimits {
  /** Milliseconds within which a client must continue to read a waiting answer. */
  patience: number;
  log: Logger;
  /** Maximum number of connections; by default as many as the process may have files, and at most 10,000. */
  most?: number;
}

interface Backlog {
  /** The check at which that was. */
  look: number;
  /** Bytes that had been read by then. */
  taken: number;
}

/**
 * Bounds what strangers can occupy by connections alone. A client that does not read its answer is cut off: Node's own time-out for that
 * restarts with each byte, and must be longer than the idle time of connections. If there are too many, idle ones are closed first.
 */
export function limitConnections(app: HttpServer, { patience, log, most = mostConnections() }: ConnectionLimits): void {
  const { server } = app;
  const open = new Set<Socket>();
  const backlogs = new WeakMap<Socket, Backlog>();
  let warnedAt = Number.NEGATIVE_INFINITY;
  const interval = Math.min(LONGEST_CHECK, Math.ceil(patience / 4));
  const mostLooks = Math.ceil(patience / interval) - 1;
  // Checks are counted instead of time: while this process is paused, it can serve no client.
  let looks = 0;

  function isStuck(socket: Socket): boolean {
    if (socket.writableLength === 0) {
      backlogs.delete(socket);
      return false;
    }
    const taken = socket.bytesWritten - socket.writableLength;
    const before = backlogs.get(socket);
    if (before === undefined || taken - before.taken >= LEAST_TAKEN) {
      backlogs.set(socket, { look: looks, taken });
      return false;
    }
    return looks - before.look >= mostLooks;
  }

  const timer = setInterval(() => {
    looks += 1;
    // A reset, so that the kernel frees its buffers for this client, too.
    for (const socket of open) if (isStuck(socket)) socket.resetAndDestroy();
  }, interval).unref();
  app.addHook('onClose', (_app, done) => {
    clearInterval(timer);
    done();
  });

  // `dropMaxConnection`, which the types lack: otherwise workers that are all full pass a connection around endlessly,
  // which takes a core, and nothing reports it.
  Object.assign(server, { maxConnections: most, dropMaxConnection: true });
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('drop', () => {
    server.closeIdleConnections();
    if (performance.now() - warnedAt < MINUTE) return;
    warnedAt = performance.now();
    log.warn({ connections: open.size, most }, 'too many connections; new ones are refused, idle ones closed');
  });
}

/** If all files of the process were connections, it could not open its database. */
function mostConnections(): number {
  return Math.max(1, Math.min(MOST_CONNECTIONS, openFiles() - OTHER_FILES));
}

/** Node raises the soft limit to the hard one at start. Only Linux reports it. */
function openFiles(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
