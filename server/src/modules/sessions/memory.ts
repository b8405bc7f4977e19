import { LRUCache } from 'lru-cache';

export interface Memory<V> {
  /** What is remembered, at once; undefined where nothing is. */
  peek(key: string): V | undefined;
  /** What is remembered, or else what `load` finds; callers that ask together share one load. */
  get(key: string): Promise<V | null>;
  /** Forgets; a load that began before this never lands. */
  evict(key: string): void;
  clear(): void;
}

/**
 * A bounded memory of records that others may change. Its one rule: after `evict` nobody is shown what was read before it,
 * also where the reading was already under way.
 */
export function createMemory<V extends object>(options: {
  max: number;
  load: (key: string) => Promise<V | null>;
}): Memory<V> {
  // Unlike `max`, `maxSize` reserves no memory ahead.
  const known = new LRUCache<string, V>({ maxSize: options.max, sizeCalculation: () => 1 });
  const loading = new Map<string, Promise<V | null>>();

  function load(key: string): Promise<V | null> {
    const promise: Promise<V | null> = options.load(key).then(
      (value) => {
        // Evicted meanwhile: this load is no longer the one that `loading` names.
        if (loading.get(key) === promise) {
          loading.delete(key);
          if (value) known.set(key, value);
        }
        return value;
      },
      (error) => {
        if (loading.get(key) === promise) loading.delete(key);
        throw error;
      },
    );
    loading.set(key, promise);
    return promise;
  }

  return {
    peek: (key) => known.get(key),
    get: async (key) => known.get(key) ?? loading.get(key) ?? load(key),
    evict(key) {
      known.delete(key);
      loading.delete(key);
    },
    clear() {
      known.clear();
      loading.clear();
    },
  };
}
