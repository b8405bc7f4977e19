import { LRUCache } from 'lru-cache';
import type { CacheStore } from './cache.ts';

/** Characters; the least recently used entries make room. */
const ROOM = 16 * 1024 * 1024;

/** In this process only. */
export function createMemoryCache({ room = ROOM }: { room?: number } = {}): CacheStore {
  const known = new LRUCache<string, string>({
    maxSize: room,
    sizeCalculation: (text, key) => text.length + key.length + 1,
  });
  return {
    async find(key, ttl) {
      const text = known.get(key);
      if (text !== undefined) return { text };
      const end = performance.now() + ttl;
      return {
        keep(loaded) {
          const left = Math.ceil(end - performance.now());
          if (left > 0) known.set(key, loaded, { ttl: left });
        },
      };
    },
    async forget(key) {
      known.delete(key);
    },
  };
}
