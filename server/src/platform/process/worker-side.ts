import cluster from 'node:cluster';
import { isOrder, type Ready } from './messages.ts';
import { firstSignal, type Stop, type Supervisor } from './supervisor.ts';

/** A worker's way to its primary. */
export interface Primary extends Supervisor {
  /** Lets go of the primary, so that this process can end. */
  leave(): void;
}

/** What this process hears from its primary; null where it is no worker of one. */
export function joinPrimary(shutdownDelay: number): Primary | null {
  const { worker } = cluster;
  if (!worker) return null;
  const stop = Promise.withResolvers<Stop>();

  process.on('message', (message) => {
    if (isOrder(message)) stop.resolve({ reason: message, delay: message === 'stop' ? shutdownDelay : 0 });
  });
  worker.once('disconnect', () => {
    // Otherwise `node:cluster` ends this process on the spot, with the requests that it has.
    worker.exitedAfterDisconnect = true;
    stop.resolve({ reason: 'the primary is gone', delay: 0 });
  });
  // They come from a terminal or a service manager that signals all processes; or to end this one, which is replaced then.
  void firstSignal('SIGTERM', 'SIGINT').then((reason) => stop.resolve({ reason, delay: shutdownDelay }));
  // A terminal that closes signals all processes; what follows is for the primary to say.
  process.on('SIGHUP', () => {});

  return {
    stopAsked: () => stop.promise,
    serving(setupLink) {
      const ready: Ready = { ready: true, setupLink };
      // A primary that is gone is learnt of above.
      process.send?.(ready, () => {});
    },
    leave() {
      if (worker.isConnected()) worker.disconnect();
    },
  };
}
