import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { MINUTE, SECOND } from '../clock.ts';
import type { HttpServer } from './routes.ts';

/** Of one process. An idle one costs some 10 kB. */
const MOST_CONNECTIONS = 10_000;
/** Of the files that a process may have open: left to databases, logs and pages. */
const OTHER_FILES = 200;
/** Bytes that a client takes of a waiting answer in each span of patience, unless it wants to be cut off: about 1 kB a second. */
const LEAST_TAKEN = 16_384;
const LONGEST_CHECK = SECOND;

export interface ConnectionLimits {
  /** Milliseconds within which a client must go on reading an answer that waits for it. */
  patience: number;
  log: Logger;
  /** Connections at a time; by default as many as the process may have files, and 10,000 at most. */
  most?: number;
}

interface Backlog {
  /** The look at which that was. */
  look: number;
  /** Bytes that had been taken then. */
  taken: number;
}

/**
 * Bounds what strangers hold by connections alone. Who does not read an answer is cut off: Node's own time-out for that starts anew with
 * each byte, and must be longer than connections may idle. When there are too many, those go first on which nothing is under way.
 */
export function limitConnections(app: HttpServer, { patience, log, most = mostConnections() }: ConnectionLimits): void {
  const { server } = app;
  const open = new Set<Socket>();
  const backlogs = new WeakMap<Socket, Backlog>();
  let warnedAt = Number.NEGATIVE_INFINITY;
  const interval = Math.min(LONGEST_CHECK, Math.ceil(patience / 4));
  const mostLooks = Math.ceil(patience / interval) - 1;
  // Looks are counted instead of time: while this process stood still, no client could be served.
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
    // A reset, so that the kernel lets go of what it holds for this client, too.
    for (const socket of open) if (isStuck(socket)) socket.resetAndDestroy();
  }, interval).unref();
  app.addHook('onClose', (_app, done) => {
    clearInterval(timer);
    done();
  });

  // `dropMaxConnection`, which the types do not know: otherwise workers that are all full hand a connection round among them without an
  // end, which takes a core, and none ever hears of it.
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

/** Where all files of the process were connections, it could not open its database. */
function mostConnections(): number {
  return Math.max(1, Math.min(MOST_CONNECTIONS, openFiles() - OTHER_FILES));
}

/** Node raises the soft limit to the hard one when it starts. Only Linux tells. */
function openFiles(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
