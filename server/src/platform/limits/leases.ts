import { LRUCache } from 'lru-cache';
import type { Count, Rate } from './counters.ts';

/** Points that were counted in Redis for this process. */
export interface Taken {
  /** How many of those asked for; 0: the key is over. */
  granted: number;
  /** The count of all processes. */
  used: number;
  /** Milliseconds until the counter is reset. */
  resetIn: number;
}

/** Counts points of a key for this process; null while Redis is away. Never rejects. */
export type Take = (key: string, points: number) => Promise<Taken | null>;

/** Points of a key that this process may use without asking. */
interface Lease {
  free: number;
  /** What the others had left at the last news. */
  others: number;
  /** By `performance.now()`. */
  resetAt: number;
}

export interface Leases {
  /** One point of the lease, or of the next; null while Redis is away and the lease is used up. */
  add(key: string): Count | Promise<Count | null>;
  forget(key: string): void;
}

/** Keys whose leases are remembered. One that is dropped loses its points. */
const MOST_LEASES = 10_000;

/**
 * Takes `chunk` points of a key at once and counts them down here, so that most requests wait for no other machine. The next chunk is fetched
 * when half of one is used. Points are counted before they are used, so all processes together never admit more than the rate allows.
 */
export function createLeases({ points, duration }: Rate, chunk: number, take: Take): Leases {
  const leases = new LRUCache<string, Lease>({ maxSize: MOST_LEASES, sizeCalculation: () => 1 });
  const underWay = new Map<string, Promise<Taken | null>>();

  function keep(key: string, { granted, used, resetIn }: Taken): void {
    const resetAt = performance.now() + resetIn;
    const held = leases.get(key);
    // The next window has counted nothing for the points of this one.
    const isSameWindow = held !== undefined && resetAt < held.resetAt + duration * 500;
    const free = isSameWindow ? held.free : 0;
    leases.set(key, { free: free + granted, others: Math.max(0, points - used), resetAt });
  }

  function refill(key: string): Promise<Taken | null> {
    const running = underWay.get(key);
    if (running !== undefined) return running;
    const taking = take(key, chunk).then((taken) => {
      underWay.delete(key);
      if (taken !== null && taken.granted > 0) keep(key, taken);
      return taken;
    });
    underWay.set(key, taking);
    return taking;
  }

  async function addLater(key: string): Promise<Count | null> {
    for (;;) {
      const taken = await refill(key);
      const count = addNow(key);
      if (count !== null) return count;
      if (taken === null) return null;
      // Others, who waited for the same chunk, may have used it up.
      if (taken.granted === 0) {
        return { isOver: true, used: Math.max(taken.used, points + 1), left: 0, resetIn: Math.max(1, taken.resetIn) };
      }
    }
  }

  function addNow(key: string): Count | null {
    const lease = leases.get(key);
    if (lease === undefined || lease.free === 0) return null;
    const resetIn = Math.ceil(lease.resetAt - performance.now());
    if (resetIn <= 0) return null;
    lease.free -= 1;
    if (lease.free * 2 < chunk) void refill(key);
    const left = lease.free + lease.others;
    return { isOver: false, used: points - left, left, resetIn };
  }

  return {
    add: (key) => addNow(key) ?? addLater(key),
    forget(key) {
      leases.delete(key);
    },
  };
}
