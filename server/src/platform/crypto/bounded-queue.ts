export interface BoundedQueue {
  /**
   * Runs `task` as soon as a place is free, first come first served. Settles as the task does.
   * Throws what `full()` makes, at once and without running the task, when every place and the whole queue are taken.
   */
  run<T>(task: () => Promise<T>): Promise<T>;
  stats(): { active: number; queued: number };
}

/** At most `concurrency` tasks at a time and at most `limit` waiting, so that a flood costs neither memory nor ever longer waits. */
export function createBoundedQueue(options: { concurrency: number; limit: number; full: () => Error }): BoundedQueue {
  const { concurrency, limit, full } = options;
  const waiting: (() => void)[] = [];
  let active = 0;

  /** The finishing task hands its place straight to the next one: a newcomer cannot slip in between. */
  function release() {
    const next = waiting.shift();
    if (next) next();
    else active -= 1;
  }

  return {
    async run(task) {
      if (active < concurrency) {
        active += 1;
      } else {
        if (waiting.length >= limit) throw full();
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      try {
        return await task();
      } finally {
        release();
      }
    },
    stats: () => ({ active, queued: waiting.length }),
  };
}
