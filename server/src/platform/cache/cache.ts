import type { RedisConnections } from '../redis/connect.ts';
import { createMemoryCache } from './memory-cache.ts';
import { createRedisCache } from './redis-cache.ts';

/** A cache for results that are expensive to compute and may be somewhat old. Every caller gets a copy of its own. */
export interface Cache {
  /**
   * The remembered value of a key, or the result of `load`, which is remembered for `ttl` milliseconds from the start of the load:
   * `await cache.remember('report 2026-11', 60_000, () => makeReport())`. Values must survive JSON unchanged; use one `ttl` per key.
   * Concurrent callers in one process share one load. `undefined` and errors are passed on, and not remembered. Throws `TypeError`
   * for a `ttl` that is not a whole number from 1.
   */
  remember<T>(key: string, ttl: number, load: () => Promise<T>): Promise<T>;
  /**
   * Call it after a change: no load that began before is remembered any more, on any instance. Never fails: while Redis is away, this
   * process tries again when it is back; until then other instances may remember the old value, for its `ttl` at most.
   */
  forget(key: string): Promise<void>;
}

/** Where a cache stores its texts. */
export interface CacheStore {
  /** The stored text, or a function that stores a loaded one, for `ttl` milliseconds from now. Never fails. */
  find(key: string, ttl: number): Promise<Found>;
  /** Also invalidates the functions that `find` returned before. Never fails. */
  forget(key: string): Promise<void>;
}

export type Found = { text: string } | { keep(text: string): void };

/** Remembers in Redis for all instances, and nothing while Redis is away; in this process if there is no Redis. */
export function createCache({ redis }: { redis: RedisConnections | null }): Cache {
  const store = redis ? createRedisCache(redis) : createMemoryCache();
  /** Loads that a new caller may share. */
  const loading = new Map<string, Promise<string | undefined>>();

  function begin(key: string, ttl: number, load: () => Promise<unknown>): Promise<string | undefined> {
    const begun = fill().finally(() => {
      if (loading.get(key) === begun) loading.delete(key);
    });
    loading.set(key, begun);
    return begun;

    async function fill(): Promise<string | undefined> {
      const found = await store.find(key, ttl);
      if ('text' in found) return found.text;
      // JSON has no text for `undefined`.
      const text: string | undefined = JSON.stringify(await load());
      if (text !== undefined && loading.get(key) === begun) found.keep(text);
      return text;
    }
  }

  return {
    async remember<T>(key: string, ttl: number, load: () => Promise<T>): Promise<T> {
      if (!Number.isSafeInteger(ttl) || ttl < 1) throw new TypeError('A ttl is a whole number of milliseconds from 1.');
      const text = await (loading.get(key) ?? begin(key, ttl, load));
      return (text === undefined ? undefined : JSON.parse(text)) as T;
    },

    forget(key) {
      // Later callers must not get what was read before.
      loading.delete(key);
      return store.forget(key);
    },
  };
}
