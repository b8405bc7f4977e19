import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { after, type Clock, MINUTE, SECOND } from '../../platform/clock.ts';
import { within } from '../../platform/database/time-limit.ts';
import type { RedisConnections } from '../../platform/redis/connect.ts';
import type { WorkerStore } from './worker-store.ts';

/** The Redis of this server is used under the same names by workers of another database, such as a copy of this one. */
export class RedisShared extends Error {
  override readonly name = 'RedisShared';
}

/** Lifetime of a mark: a worker that missed two heartbeats counts as dead. */
const ALIVE = 12 * SECOND;
/** Clocks of hosts may differ by this much: so old may the heartbeat of a living worker look in the database. */
const CLOCKS = 2 * MINUTE;
const PATIENCE = 3 * SECOND;
/** Milliseconds between two looks at a mark that nobody here knows. */
const LOOK_AGAIN = SECOND;

/** Marks one worker, if there is a name, and returns all living marks, each with its time. By the clock of Redis, which all share. */
const MARK = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] ~= '' then redis.call('ZADD', KEYS[1], now, ARGV[1]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')`;

/**
 * The marks that workers leave in Redis beside their heartbeats in the database. A mark that the database does not know belongs to another
 * installation with the same id, a copy of this one: each would take the jobs of the other, whose events it does not have.
 */
export function createRedisPresence(deps: {
  redis: RedisConnections;
  store: WorkerStore;
  clock: Clock;
  log: Logger;
  /** Milliseconds that a mark lives without being renewed. */
  alive?: number;
}) {
  const { redis, store, clock, log, alive = ALIVE } = deps;
  const key = `${redis.space}:workers`;
  let isTold = false;

  /** Marks that the database does not know, and when they were made. Rejects without Redis or the database. */
  async function strangers(self: string): Promise<Map<string, string>> {
    // In this order: a worker writes its heartbeat before its mark.
    const marks = (await within(PATIENCE, redis.commands.eval(MARK, 1, key, self, alive))) as string[];
    const known = await store.list(after(clock(), -CLOCKS));
    const pairs = marks.flatMap((mark, i): [string, string][] => (i % 2 === 0 ? [[mark, marks[i + 1] ?? '']] : []));
    return new Map(pairs.filter(([mark]) => known.every(({ id }) => id !== mark)));
  }

  return {
    /**
     * Throws `RedisShared` if other workers are there; without Redis nobody is. Waits until an unknown mark was renewed or has run out: it may be of
     * a worker of this installation that was killed before the clock was set.
     */
    async demandAlone(): Promise<void> {
      const look = () => strangers('').catch(() => new Map<string, string>());
      const first = await look();
      for (let others = first; others.size > 0; others = await look()) {
        const isRenewed = [...others].some(([mark, time]) => first.get(mark) !== time);
        if (isRenewed) {
          throw new RedisShared(
            'The Redis of REDIS_URL is used by a server on a copy of this database, and each would take the jobs of the other. Give each its own Redis, or another database number.',
          );
        }
        await pause(LOOK_AGAIN);
      }
    },

    /** Marks this worker, and tells once that others came. */
    async mark(self: string): Promise<void> {
      const others = await strangers(self);
      if (others.size > 0 && !isTold) {
        log.error(
          { workers: [...others.keys()] },
          'a server on a copy of this database uses the same Redis and takes jobs of this one',
        );
      }
      isTold = others.size > 0;
    },

    async unmark(self: string): Promise<void> {
      await within(PATIENCE, redis.commands.zrem(key, self));
    },
  };
}
