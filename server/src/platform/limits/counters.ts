import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { KeyedHash } from '../crypto/keyed-hash.ts';
import type { RedisConnections } from '../redis/connect.ts';
import { createMemoryCounter } from './memory-counter.ts';

/** So much in so many seconds, from the first that is counted. */
export interface Rate {
  /** Counters of one name are one counter. */
  name: string;
  points: number;
  /** Seconds. */
  duration: number;
  /** The keys are no secret: addresses of clients, ids. All others are masked: people type e-mail addresses and passwords. */
  plainKeys?: boolean;
}

export interface Count {
  /** There were more than the rate allows. */
  isOver: boolean;
  /** How many, this one included; at least `points` + 1 where it is over. */
  used: number;
  left: number;
  /** Milliseconds until the counter begins anew. */
  resetIn: number;
}

export interface Counter {
  /** Counts one. */
  add(key: string): Promise<Count>;
  /** What was counted, without counting; 0 where nothing was. */
  used(key: string): Promise<number>;
}

/** Hands out the counter of a rate, the same one each time. Throws a `TypeError` where one name is declared in two ways. */
export type Counters = (rate: Rate) => Counter;

const PREFIX = 'ostiary:limit';
/** Of each rate, in this process. */
const MOST_REFUSED = 10_000;

/**
 * Counters that all instances share through Redis. While it is away or slow, and where there is none, each process counts for itself:
 * a limit is then as many times as wide as there are processes, but nothing fails and nothing is without a limit.
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

/** Nobody who reads Redis, or a dump of this process, looks up what was typed; and keys are short, whatever was typed. */
function hashedKeys(counter: Counter, keyedHash: KeyedHash): Counter {
  return { add: (key) => counter.add(keyedHash(key)), used: (key) => counter.used(keyedHash(key)) };
}

function createCounter(rate: Rate, redis: RedisConnections | null): Counter {
  const memory = createMemoryCounter(rate);
  return redis ? createSharedCounter(rate, redis, memory) : memory;
}

/** In Redis; by `alone` while it does not answer. */
function createSharedCounter({ name, points, duration }: Rate, redis: RedisConnections, alone: Counter): Counter {
  const limiter = new RateLimiterRedis({
    storeClient: redis.hasty,
    keyPrefix: `${PREFIX}:${name}`,
    points,
    duration,
    rejectIfRedisNotReady: true,
  });
  // Who is over already costs Redis nothing more. The library's own list of them has no bound, and is searched whenever it grows.
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
        // One question: the library's own are several, for which a cluster may keep its callers waiting.
        return Number(await redis.hasty.get(limiter.getKey(key)));
      } catch {
        return alone.used(key);
      }
    },
  };
}
