import type { MongoClient } from 'mongodb';
import { lapse } from './time-limit.ts';

/** Milliseconds between two attempts to connect anew. */
const RETRY_PAUSE = 100;

/**
 * Connects the client anew when its monitor of a server hangs for `limit` milliseconds, which must be well beyond the
 * connect time-out. The driver (7.8) waits for ever for a socket to drain that was destroyed in the same tick
 * (`Connection.writeCommand`); a monitor that is caught by this never sees that the server is back. Gives what ends this: call it
 * before the client is closed for good.
 */
export function reviveStuckMonitor(client: MongoClient, limit: number): () => void {
  const checks = new Map<string, NodeJS.Timeout>();
  let reviving = false;
  let stopped = false;

  /** A client that was closed once does not connect by itself any more, so nobody else will once the server is back. */
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
    // An awaited answer comes when the server's state changes, which may be never.
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
