import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { KeyedHash } from '../crypto/keyed-hash.ts';
import type { RedisConnections } from '../redis/connect.ts';
import { createMemoryCounter } from './memory-counter.ts';

/** Points per duration, which begins with the first counted one. */
export interface Rate {
  /** Counters of the same name share their counts. */
  name: string;
  points: number;
  /** Seconds. */
  duration: number;
  /** The keys are not secret: client addresses, ids. All other keys are hashed: people type e-mail addresses and passwords. */
  plainKeys?: boolean;
}

export interface Count {
  /** Whether more than the rate allows were counted. */
  isOver: boolean;
  /** The count, including this one; at least `points` + 1 if it is over. */
  used: number;
  left: number;
  /** Milliseconds until the counter is reset. */
  resetIn: number;
}

export interface Counter {
  /** Counts one. */
  add(key: string): Promise<Count>;
  /** The count, without counting; 0 if there is none. */
  used(key: string): Promise<number>;
  /** Resets the count; whether there was one. Of concurrent calls, one is told so. */
  forget(key: string): Promise<boolean>;
}

/** Returns the counter of a rate, always the same one: `counters({ name: 'sign-in', points: 5, duration: 60 })`. Throws `TypeError` if a name
 * is declared with two rates. */
export type Counters = (rate: Rate) => Counter;

/** Counters of each rate in this process. */
const MOST_REFUSED = 10_000;

/**
 * Counters that all instances share through Redis. While Redis is away or slow, or if there is none, each process counts for itself:
 * a limit then applies per process, but nothing fails and nothing is without a limit.
 */
export function createCounters(redis: RedisConnections | null, keyedHash: KeyedHash): Counters {
  const known = new Map<string, { rate: Rate; counter: Counter }>();
  return (rate) => {
    const same = known.get(rate.name);
    if (same === undefined) {
      const counter = rate.plainKeys
        ? createCounter(rate, redis)
        : hashedKeys(createCounter(rate, redis), (key) => keyedHash(`${rate.name} ${key}`));
      known.set(rate.name, { rate, counter });
      return counter;
    }
    if (!isDeepStrictEqual(same.rate, rate)) {
      throw new TypeError(`The limit "${rate.name}" is declared twice, in different ways.`);
    }
    return same.counter;
  };
}

/** Typed values cannot be looked up in Redis or in a dump of this process; and keys are short, whatever was typed. */
function hashedKeys(counter: Counter, keyedHash: KeyedHash): Counter {
  return {
    add: (key) => counter.add(keyedHash(key)),
    used: (key) => counter.used(keyedHash(key)),
    forget: (key) => counter.forget(keyedHash(key)),
  };
}

function createCounter(rate: Rate, redis: RedisConnections | null): Counter {
  const memory = createMemoryCounter(rate);
  return redis ? createSharedCounter(rate, redis, memory) : memory;
}

/** In Redis, or in `alone` while Redis does not answer. */
function createSharedCounter({ name, points, duration }: Rate, redis: RedisConnections, alone: Counter): Counter {
  const limiter = new RateLimiterRedis({
    storeClient: redis.hasty,
    keyPrefix: `${redis.space}:limit:${name}`,
    points,
    duration,
    rejectIfRedisNotReady: true,
  });
  // A key that is over costs no more Redis commands. The library's own list of such keys is unbounded, and is searched at every growth.
  const refused = new LRUCache<string, true>({ maxSize: MOST_REFUSED, sizeCalculation: () => 1 });

  function refuse(used: number, resetIn: number): Count {
    return { isOver: true, used: Math.max(used, points + 1), left: 0, resetIn };
  }

  return {
    async add(key) {
      if (refused.has(key)) return refuse(0, Math.max(1, Math.ceil(refused.getRemainingTTL(key))));
      try {
        const { consumedPoints, remainingPoints, msBeforeNext } = await limiter.consume(key);
        return { isOver: false, used: consumedPoints, left: remainingPoints, resetIn: msBeforeNext };
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) return alone.add(key);
        const resetIn = Math.max(1, refusal.msBeforeNext);
        refused.set(key, true, { ttl: resetIn });
        return refuse(refusal.consumedPoints, resetIn);
      }
    },

    async used(key) {
      try {
        // One command: the library sends several, for which a cluster may keep its callers waiting.
        return Number(await redis.hasty.get(limiter.getKey(key)));
      } catch {
        return alone.used(key);
      }
    },

    async forget(key) {
      refused.delete(key);
      const isHere = await alone.forget(key);
      try {
        return (await redis.hasty.del(limiter.getKey(key))) > 0 || isHere;
      } catch {
        return isHere;
      }
    },
  };
}
