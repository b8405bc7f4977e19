import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { RedisConnections } from '../redis/connect.ts';

/** So much in so many seconds, from the first that is counted. */
export interface Rate {
  /** Counters of one name are one counter. */
  name: string;
  points: number;
  /** Seconds. */
  duration: number;
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

/** Hands out the counter of a rate, the same one each time. Throws a `TypeError` where one name has two rates. */
export type Counters = (rate: Rate) => Counter;

const PREFIX = 'ostiary:limit';
/** Seconds. A timer of Node that is longer fires at once, and a counter of this process would forget everything. */
const LONGEST = Math.floor((2 ** 31 - 1) / 1000);

/**
 * Counters that all instances share through Redis. While it is away or slow, and where there is none, each process counts for itself:
 * a limit is then as many times as wide as there are processes, but nothing fails and nothing is without a limit.
 */
export function createCounters(redis: RedisConnections | null): Counters {
  const known = new Map<string, { rate: Rate; counter: Counter }>();
  return (rate) => {
    const same = known.get(rate.name);
    if (same === undefined) {
      const counter = createCounter(rate, redis);
      known.set(rate.name, { rate, counter });
      return counter;
    }
    if (same.rate.points !== rate.points || same.rate.duration !== rate.duration) {
      throw new TypeError(`The limit "${rate.name}" is declared twice, with different points or durations.`);
    }
    return same.counter;
  };
}

function createCounter({ name, points, duration }: Rate, redis: RedisConnections | null): Counter {
  const memory = new RateLimiterMemory({ keyPrefix: name, points, duration: Math.min(duration, LONGEST) });
  const limiter = redis
    ? new RateLimiterRedis({
        storeClient: redis.hasty,
        keyPrefix: `${PREFIX}:${name}`,
        points,
        duration,
        // Who is over already costs Redis nothing more.
        inMemoryBlockOnConsumed: points + 1,
        rejectIfRedisNotReady: true,
        insuranceLimiter: memory,
      })
    : memory;

  return {
    async add(key) {
      try {
        return toCount(await limiter.consume(key), false);
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return toCount(refusal, true);
        throw refusal;
      }
    },
    used: async (key) => (await limiter.get(key))?.consumedPoints ?? 0,
  };

  function toCount({ consumedPoints, remainingPoints, msBeforeNext }: RateLimiterRes, isOver: boolean): Count {
    // What is blocked in this process is not counted any more.
    const used = isOver ? Math.max(consumedPoints, points + 1) : consumedPoints;
    return { isOver, used, left: isOver ? 0 : remainingPoints, resetIn: msBeforeNext };
  }
}
