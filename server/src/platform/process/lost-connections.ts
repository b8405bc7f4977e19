import type { Worker } from 'node:cluster';

/** A connection that waits to be accepted by a worker. */
interface Connection {
  close(): void;
}

/**
 * Closes the connection that was being handed to a worker when that worker died. `node:cluster` (Node 26) waits forever for the answer to
 * a hand-over: the client would hang until it gives up, and the primary would keep one more file open per dead worker, until it
 * can start none. The hand-over is not a public interface: if Node changes it, no connection is recognised, and this has no effect.
 */
export function closeLostConnections({ process: child }: Pick<Worker, 'process'>): void {
  const underWay = new Map<unknown, Connection>();
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;

  child.send = (...args: unknown[]) => {
    const [message, handle] = args;
    if (isHandOver(message) && isConnection(handle)) underWay.set(message.seq, handle);
    return send(...args);
  };
  // Accepted, or returned for another worker.
  child.on('internalMessage', (answer: { ack?: unknown }) => underWay.delete(answer.ack));
  let isDisconnected = false;
  child.once('disconnect', () => {
    isDisconnected = true;
  });
  // The worker has ended, and all its messages have been received.
  child.once('close', () => {
    for (const connection of underWay.values()) connection.close();
    underWay.clear();
    // Node omits this event during a hand-over: the cluster would keep the worker, and what listens for it, for ever.
    if (!isDisconnected) child.emit('disconnect');
  });
}

function isHandOver(message: unknown): message is { seq: number } {
  return typeof message === 'object' && message !== null && 'act' in message && message.act === 'newconn';
}

function isConnection(handle: unknown): handle is Connection {
  return typeof handle === 'object' && handle !== null && 'close' in handle && typeof handle.close === 'function';
}
