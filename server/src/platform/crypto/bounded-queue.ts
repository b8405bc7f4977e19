export interface BoundedQueue {
  /**
   * Runs `task` as soon as a place is free, first come first served. Settles as the task does.
   * Throws what `full()` makes, at once and without running the task, when every place and the whole queue are taken.
   */
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Whether `run` would refuse now. */
  isFull(): boolean;
  /** How many tasks it takes altogether, those that run and those that wait. */
  room(): number;
  stats(): { active: number; queued: number };
}

/** How much the last task counts in what the next one is expected to take: the mean follows within some twenty tasks. */
const WEIGHT = 0.1;

/**
 * At most `concurrency` tasks at a time, and no more waiting than can have their turn within `longestWait`, so that a flood costs neither
 * memory nor ever longer waits: whoever cannot be served soon is told so at once. How long tasks take is learned from those that ran.
 */
export function createBoundedQueue(options: {
  concurrency: number;
  /** The most that may wait, however quick the tasks are. */
  limit: number;
  /** Milliseconds that a newcomer may have to wait. One for each place may always. */
  longestWait: number;
  /** Milliseconds that a task takes, as long as none has run. */
  expected: number;
  full: () => Error;
  /** Milliseconds from anywhere. */
  now?: () => number;
}): BoundedQueue {
  const { concurrency, limit, longestWait, expected, full, now = () => performance.now() } = options;
  const waiting: (() => void)[] = [];
  let active = 0;
  let taskTime = expected;

  function room(): number {
    const inTime = Math.max(concurrency, (longestWait * concurrency) / taskTime);
    return concurrency + Math.min(limit, Math.floor(inTime));
  }

  const isFull = () => active === concurrency && active + waiting.length >= room();

  /** The finishing task hands its place straight to the next one: a newcomer cannot slip in between. */
  function release() {
    const next = waiting.shift();
    if (next) next();
    else active -= 1;
  }

  return {
    async run(task) {
      if (isFull()) throw full();
      if (active < concurrency) active += 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      const started = now();
      try {
        return await task();
      } finally {
        taskTime += WEIGHT * (now() - started - taskTime);
        release();
      }
    },
    isFull,
    room,
    stats: () => ({ active, queued: waiting.length }),
  };
}
