import type { MongoClient } from 'mongodb';
import { lapse } from './time-limit.ts';

/** Milliseconds between two attempts to reconnect. */
const RETRY_PAUSE = 100;

/**
 * Reconnects the client when its monitor of a server hangs for `limit` milliseconds, which must be well beyond the
 * connect time-out. The driver (7.8) waits forever for a socket to drain that was destroyed in the same tick
 * (`Connection.writeCommand`); a monitor that hangs so never sees that the server is back. Returns a function that ends this:
 * call it before the client is closed.
 */
export function reviveStuckMonitor(client: MongoClient, limit: number): () => void {
  const checks = new Map<string, NodeJS.Timeout>();
  let reviving = false;
  let stopped = false;

  /** A client that was closed no longer connects by itself when the server is back. */
  async function revive(): Promise<void> {
    clear();
    if (reviving || stopped) return;
    reviving = true;
    await client.close();
    while (!stopped && !(await connects())) await lapse(RETRY_PAUSE);
    reviving = false;
    if (stopped) await client.close();
  }
  function connects(): Promise<boolean> {
    return client.connect().then(
      () => true,
      () => false,
    );
  }
  function clear(): void {
    for (const timer of checks.values()) clearTimeout(timer);
    checks.clear();
  }
  function ended({ connectionId }: { connectionId: string }): void {
    clearTimeout(checks.get(connectionId));
    checks.delete(connectionId);
  }

  client.on('serverHeartbeatStarted', ({ connectionId, awaited }) => {
    ended({ connectionId });
    // An awaited answer arrives when the server's state changes, which may be never.
    if (!awaited) checks.set(connectionId, setTimeout(revive, limit).unref());
  });
  client.on('serverHeartbeatSucceeded', ended);
  client.on('serverHeartbeatFailed', ended);
  client.on('topologyClosed', clear);
  return () => {
    stopped = true;
    clear();
  };
}
