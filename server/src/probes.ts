import type { BreachedPasswords } from './modules/auth/breached-passwords.ts';
import type { Replicas } from './modules/replicas/replicas.ts';
import type { Database } from './platform/database/database.ts';
import type { Probes } from './platform/http/health.ts';
import type { RedisConnections } from './platform/redis/connect.ts';

/** What `/ready` looks at. Null: there is none, and nothing to look at. */
export function createProbes(deps: {
  database: Pick<Database, 'ping'>;
  isBlind: () => boolean;
  redis: RedisConnections | null;
  breached: BreachedPasswords | null;
  replicas: Pick<Replicas<unknown>, 'allServe'> | null;
  isLoopWell: () => boolean;
}): Probes {
  const { database, isBlind, redis, breached, replicas, isLoopWell } = deps;
  const pingRedis = async () => {
    await redis?.ping();
    return true;
  };
  return {
    essential: {
      database: async () => {
        await database.ping();
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
