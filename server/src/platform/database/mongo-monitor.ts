import type { MongoClient } from 'mongodb';

/**
 * Connects the client anew when its monitor of a server hangs for `limit` milliseconds, which must be well beyond the
 * connect time-out. The driver (7.8) waits for ever for a socket to drain that was destroyed in the same tick
 * (`Connection.writeCommand`); a monitor that is caught by this never sees that the server is back.
 */
export function reviveStuckMonitor(client: MongoClient, limit: number): void {
  const checks = new Map<string, NodeJS.Timeout>();

  async function revive(): Promise<void> {
    clear();
    await client.close();
    // While the server is away this fails; the next operation connects.
    await client.connect().catch(() => undefined);
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
}
