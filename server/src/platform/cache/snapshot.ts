export interface Snapshot<T> {
  /** What is known, at once; undefined where nothing is. */
  peek(): T | undefined;
  /** What is known, or else what is read now; callers that ask together share one reading. */
  get(): Promise<T>;
  /** Forgets; a reading that began before this never lands. */
  evict(): void;
}

/** Something small that is read as a whole, often, and changed seldom: remembered until somebody says that it changed. */
export function createSnapshot<T extends object>(load: () => Promise<T>): Snapshot<T> {
  let known: T | undefined;
  let loading: Promise<T> | null = null;

  function read(): Promise<T> {
    const reading: Promise<T> = load().then(
      (value) => {
        if (loading === reading) {
          loading = null;
          known = value;
        }
        return value;
      },
      (error) => {
        if (loading === reading) loading = null;
        throw error;
      },
    );
    loading = reading;
    return reading;
  }

  return {
    peek: () => known,
    get: async () => known ?? loading ?? read(),
    evict() {
      known = undefined;
      loading = null;
    },
  };
}
