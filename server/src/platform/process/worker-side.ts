import cluster from 'node:cluster';
import { isOrder, type Ready } from './messages.ts';
import { firstSignal, type Stop, type Supervisor } from './supervisor.ts';

/** The connection of a worker to its primary. */
export interface Primary extends Supervisor {
  /** Disconnects from the primary, so that this process can end. */
  leave(): void;
}

/** The supervisor of a worker; null if this process is not a worker. */
export function joinPrimary(shutdownDelay: number): Primary | null {
  const { worker } = cluster;
  if (!worker) return null;
  const stop = Promise.withResolvers<Stop>();

  process.on('message', (message) => {
    if (isOrder(message)) stop.resolve({ reason: message, delay: message === 'stop' ? shutdownDelay : 0 });
  });
  worker.once('disconnect', () => {
    // Otherwise `node:cluster` ends this process at once, with its running requests.
    worker.exitedAfterDisconnect = true;
    stop.resolve({ reason: 'the primary has ended', delay: 0 });
  });
  // A terminal or a service manager signals all processes; a signal to this worker alone stops it, and it is replaced.
  void firstSignal('SIGTERM', 'SIGINT').then((reason) => stop.resolve({ reason, delay: shutdownDelay }));
  // A closing terminal signals all processes; the primary decides what follows.
  process.on('SIGHUP', () => {});

  return {
    stopAsked: () => stop.promise,
    serving(setupLink) {
      const ready: Ready = { ready: true, setupLink };
      // The listener above notices the end of the primary.
      process.send?.(ready, () => {});
    },
    leave() {
      if (worker.isConnected()) worker.disconnect();
    },
  };
}
