import { LRUCache } from 'lru-cache';
import type { Count, Counter, Rate } from './counters.ts';

/** Some 12 MB when full. */
const ROOM = 50_000;

/**
 * Counts in this process. Strangers choose the keys (an IPv6 client has any number of addresses, and a login is any text), so their number
 * is bounded: the least recently counted key is reset. Gaining one attempt by that costs far more attempts.
 */
export function createMemoryCounter(
  { points, duration }: Pick<Rate, 'points' | 'duration'>,
  { room = ROOM }: { room?: number } = {},
): Counter {
  // Without timers: an expired key is removed when it is read again, or when it is the oldest.
  const counts = new LRUCache<string, { used: number }>({
    maxSize: room,
    sizeCalculation: () => 1,
    ttl: duration * 1000,
  });

  function begin(key: string): { used: number } {
    const count = { used: 0 };
    counts.set(key, count);
    return count;
  }

  return {
    add(key): Count {
      const count = counts.get(key) ?? begin(key);
      count.used += 1;
      const { used } = count;
      const resetIn = Math.max(1, Math.ceil(counts.getRemainingTTL(key)));
      return { isOver: used > points, used, left: Math.max(0, points - used), resetIn };
    },
    used: async (key) => counts.get(key)?.used ?? 0,
    // `delete` would also tell of an expired count.
    forget: async (key) => counts.has(key) && counts.delete(key),
  };
}
