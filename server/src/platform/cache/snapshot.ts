export interface Snapshot<T> {
  /** The remembered value, at once; undefined if there is none. */
  peek(): T | undefined;
  /** The remembered value, or else the result of a read; concurrent callers share one read. */
  get(): Promise<T>;
  /** Forgets the value; a read that began before is not remembered. */
  evict(): void;
}

/** Remembers a small value that is read often and changes seldom, until it is evicted. */
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
