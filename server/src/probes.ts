import type { BreachedPasswords } from './modules/auth/breached-passwords.ts';
import type { HeartbeatStore } from './modules/replicas/heartbeat-store.ts';
import type { Replicas } from './modules/replicas/replicas.ts';
import { type Clock, SECOND } from './platform/clock.ts';
import type { Database } from './platform/database/database.ts';
import type { Probes } from './platform/http/health.ts';
import type { RedisConnections } from './platform/redis/connect.ts';
import type { Logger } from './platform/telemetry/log.ts';
import { createOutageLog } from './platform/telemetry/outage-log.ts';

/** The row that every process writes to see whether writes go through. */
export const READINESS_ROW = 'readiness';
/** Milliseconds for which a write that went through is believed: readiness is public, and must not become load. */
const BELIEVED = 5 * SECOND;

/** What `/ready` looks at. Null: there is none, and nothing to look at. */
export function createProbes(deps: {
  database: Pick<Database, 'ping'>;
  heartbeats: Pick<HeartbeatStore, 'heartbeat'>;
  isBlind: () => boolean;
  redis: RedisConnections | null;
  breached: BreachedPasswords | null;
  replicas: Pick<Replicas<unknown>, 'allServe'> | null;
  isLoopWell: () => boolean;
  /** Monotonic. */
  clock: Clock;
  log: Logger;
}): Probes {
  const { database, isBlind, redis, breached, replicas, isLoopWell } = deps;
  const write = createWriteProbe(deps);
  const pingRedis = async () => {
    await redis?.ping();
    return true;
  };
  return {
    essential: {
      database: async () => {
        await database.ping();
        await write();
        return !isBlind();
      },
    },
    // Without Redis jobs wait and each process counts for itself; nobody is kept from signing in.
    get helpful() {
      return {
        // While Redis answers late nobody is kept waiting for it, either.
        ...(redis && { queue: pingRedis, cache: async () => redis.isPrompt() && pingRedis() }),
        ...(breached && { breachedPasswords: breached.isReadable }),
        ...(replicas && { replicas: async () => replicas.allServe() }),
        ...(!isLoopWell() && { eventLoop: async () => false }),
      };
    },
  };
}

/**
 * Whether the database takes writes: one that was failed over, or whose disk is full, answers as always. Rejects if it does not; a failure is never
 * remembered, so that readiness is back with the first write.
 */
function createWriteProbe({
  heartbeats,
  clock,
  log,
}: {
  heartbeats: Pick<HeartbeatStore, 'heartbeat'>;
  clock: Clock;
  log: Logger;
}): () => Promise<void> {
  const outage = createOutageLog(log, 'writing to the database');
  let writtenAt = Number.NEGATIVE_INFINITY;
  return async () => {
    const now = clock();
    if (now.getTime() - writtenAt < BELIEVED) return;
    try {
      await heartbeats.heartbeat(READINESS_ROW, now);
    } catch (error) {
      outage.failed(error);
      throw error;
    }
    writtenAt = now.getTime();
    outage.worked();
  };
}
