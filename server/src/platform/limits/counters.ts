import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { KeyedHash } from '../crypto/keyed-hash.ts';
import type { RedisConnections } from '../redis/connect.ts';
import { createLeases, type Taken } from './leases.ts';
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
  /**
   * Each process takes its points from Redis in chunks of a twentieth, before they are used: no more than `points` are ever admitted, and what a
   * process holds unused (at most a twentieth) is lost to the others. For frequent requests; not where each point matters.
   */
  leased?: boolean;
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
  /** Counts one; no promise where the count is at hand, because a promise costs more than counting. */
  add(key: string): Count | Promise<Count>;
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
const MOST_LEASED = 500;

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

/** Points that a process takes at once. */
const chunkOf = ({ points, leased = false }: Rate): number =>
  leased ? Math.max(1, Math.min(MOST_LEASED, Math.floor(points / 20))) : 1;

/** In Redis, or in `alone` while Redis does not answer. */
function createSharedCounter(rate: Rate, redis: RedisConnections, alone: Counter): Counter {
  const { name, points, duration } = rate;
  const limiter = new RateLimiterRedis({
    storeClient: redis.hasty,
    keyPrefix: `${redis.space}:limit:${name}`,
    points,
    duration,
    rejectIfRedisNotReady: true,
  });
  // A key that is over costs no more Redis commands. The library's own list of such keys is unbounded, and is searched at every growth.
  const refused = new LRUCache<string, true>({ maxSize: MOST_REFUSED, sizeCalculation: () => 1 });

  async function take(key: string, amount: number): Promise<Taken | null> {
    if (refused.has(key)) return { granted: 0, used: points + 1, resetIn: Math.ceil(refused.getRemainingTTL(key)) };
    try {
      const { consumedPoints: used, msBeforeNext: resetIn } = await limiter.consume(key, amount);
      return { granted: amount, used, resetIn };
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) return null;
      const { consumedPoints: used, msBeforeNext } = refusal;
      const resetIn = Math.max(1, msBeforeNext);
      refused.set(key, true, { ttl: resetIn });
      // Of those asked for, the points up to the limit are this process's own.
      return { granted: Math.max(0, points - (used - amount)), used, resetIn };
    }
  }

  async function addOne(key: string): Promise<Count> {
    const taken = await take(key, 1);
    if (taken === null) return alone.add(key);
    const { granted, used, resetIn } = taken;
    if (granted === 0)
      return { isOver: true, used: Math.max(used, points + 1), left: 0, resetIn: Math.max(1, resetIn) };
    return { isOver: false, used, left: points - used, resetIn };
  }

  const chunk = chunkOf(rate);
  const leases = chunk > 1 ? createLeases(rate, chunk, take) : null;
  const orAlone = async (key: string, count: Promise<Count | null>) => (await count) ?? alone.add(key);

  return {
    add(key) {
      if (leases === null) return addOne(key);
      const count = leases.add(key);
      return count instanceof Promise ? orAlone(key, count) : count;
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
      leases?.forget(key);
      const isHere = await alone.forget(key);
      try {
        return (await redis.hasty.del(limiter.getKey(key))) > 0 || isHere;
      } catch {
        return isHere;
      }
    },
  };
}
