import type { RedisConnections } from '../redis/connect.ts';
import { createMemoryCache } from './memory-cache.ts';
import { createRedisCache } from './redis-cache.ts';

/** For what is dear to work out and may be somewhat old. What is remembered are copies: what a caller does to theirs changes no other. */
export interface Cache {
  /**
   * What is remembered under a key, or else what `load` finds, for `ttl` milliseconds from when that began. Only what JSON carries
   * unchanged; a key is always used with the same `ttl`. Callers of one process that ask together share one load. `undefined` and
   * failures are passed on, and not remembered. Throws a `TypeError` for a `ttl` that is no whole number from 1.
   */
  remember<T>(key: string, ttl: number, load: () => Promise<T>): Promise<T>;
  /**
   * Call it after what was remembered has changed: no load that began before lands any more, on no instance. Never fails: where Redis is
   * away, this process makes up for it when it is back; until then others may remember what was, for its `ttl` at most.
   */
  forget(key: string): Promise<void>;
}

/** Where a cache keeps its texts. */
export interface CacheStore {
  /** What is there; or how to keep what is loaded instead, for `ttl` milliseconds from now. Never fails. */
  find(key: string, ttl: number): Promise<Found>;
  /** Also takes back what `find` said before. Never fails. */
  forget(key: string): Promise<void>;
}

export type Found = { text: string } | { keep(text: string): void };

/** Remembers in Redis, for all instances, and not at all while it is away; in this process where there is none. */
export function createCache({ redis }: { redis: RedisConnections | null }): Cache {
  const store = redis ? createRedisCache(redis) : createMemoryCache();
  /** What callers who come now may share. */
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
      // Whoever asks from now on must not be given what was read before.
      loading.delete(key);
      return store.forget(key);
    },
  };
}
