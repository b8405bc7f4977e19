import { LRUCache } from 'lru-cache';

export interface Memory<V> {
  /** The remembered record, without waiting; undefined if none is. */
  peek(key: string): V | undefined;
  /** The remembered record, or what `load` finds. Concurrent callers share one load. */
  get(key: string): Promise<V | null>;
  /** Forgets the record. The result of a load that began earlier is not remembered. */
  evict(key: string): void;
  clear(): void;
}

/**
 * A bounded memory of records that others may change. Invariant: after `evict`, no caller gets a record that was read before it, even by
 * a load that was under way.
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
        // After an eviction, `loading` names another load or none.
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
