import type { BreachedPasswords } from './modules/auth/breached-passwords.ts';
import type { HeartbeatStore } from './modules/replicas/heartbeat-store.ts';
import type { Replicas } from './modules/replicas/replicas.ts';
import { type Clock, SECOND } from './platform/clock.ts';
import type { Database } from './platform/database/database.ts';
import type { Refusal } from './platform/database/refusals.ts';
import { lacksPrivilege } from './platform/database/root-cause.ts';
import { tryToCreate } from './platform/database/try-writes.ts';
import type { Probe, Probes } from './platform/http/health.ts';
import type { RedisConnections } from './platform/redis/connect.ts';
import type { Logger } from './platform/telemetry/log.ts';
import { createOutageLog } from './platform/telemetry/outage-log.ts';

/** The row that every process writes to see whether writes go through. */
export const READINESS_ROW = 'readiness';
/** Milliseconds for which a write that went through is believed: readiness is public, and must not become load. */
const BELIEVED = 5 * SECOND;
/** Milliseconds between two trials that need new room. */
const TRIAL_EVERY = 1 * SECOND;

/** What `/ready` looks at. Null: there is none, and nothing to look at. */
export function createProbes(deps: {
  database: Database;
  /** Databases of single stores. */
  elsewhere: readonly { stores: readonly string[]; database: Database }[];
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
  // Whoever needs none of these stores is served without them.
  const ofStores = Object.fromEntries(
    deps.elsewhere.map((one) => [`stores:${one.stores}`, createStoreProbe(one, deps.log)]),
  );
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
        ...ofStores,
        ...(redis && { queue: pingRedis, cache: async () => redis.isPrompt() && pingRedis() }),
        ...(breached && { breachedPasswords: breached.isReadable }),
        ...(replicas && { replicas: async () => replicas.allServe() }),
        ...(!isLoopWell() && { eventLoop: async () => false }),
      };
    },
  };
}

/** Whether the database of single stores answers. */
function createStoreProbe({ stores, database }: { stores: readonly string[]; database: Database }, log: Logger): Probe {
  const outage = createOutageLog(log, `reaching the database of ${stores.join(' and ')}`);
  return async () => {
    try {
      await database.ping();
    } catch (error) {
      outage.failed(error);
      return false;
    }
    outage.worked();
    return true;
  };
}

/**
 * Whether the database takes writes: one that was failed over, or whose disk is full, answers as always. Rejects if it does not; that is
 * forgotten with the first write that goes through.
 *
 * A full disk takes this one row, which has its place, and refuses whatever needs a new one. So after each statement that was refused for
 * such a reason, only a new table shows that there is room again.
 */
function createWriteProbe({
  database,
  heartbeats,
  clock,
  log,
}: {
  database: Database;
  heartbeats: Pick<HeartbeatStore, 'heartbeat'>;
  clock: Clock;
  log: Logger;
}): () => Promise<void> {
  const outage = createOutageLog(log, 'writing to the database');
  let writtenAt = Number.NEGATIVE_INFINITY;
  /** The refusal after which all has been well. */
  let settled: Refusal | null = null;
  let trial = { at: Number.NEGATIVE_INFINITY, refusal: null as Refusal | null };

  /** Rejects with the reason for which the database refused something, as long as it still does. */
  async function tryRoom(refusal: Refusal, now: Date): Promise<void> {
    if (trial.refusal !== null && now.getTime() - trial.at < TRIAL_EVERY) throw trial.refusal.error;
    trial = { at: now.getTime(), refusal };
    try {
      await tryToCreate(database);
    } catch (error) {
      // A user who may not make tables cannot try; then the row has to do.
      if (!lacksPrivilege(error)) throw refusal.error;
    }
    trial.refusal = null;
    settled = refusal;
  }

  return async () => {
    const now = clock();
    const refusal = database.lastRefusal();
    const isDoubted = refusal !== null && refusal !== settled;
    if (!isDoubted && now.getTime() - writtenAt < BELIEVED) return;
    try {
      await heartbeats.heartbeat(READINESS_ROW, now);
      if (isDoubted) await tryRoom(refusal, now);
    } catch (error) {
      outage.failed(error);
      throw error;
    }
    writtenAt = now.getTime();
    outage.worked();
  };
}
