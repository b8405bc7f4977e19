export interface BoundedQueue {
  /**
   * Runs `task` as soon as a slot is free, in order of arrival. Settles as the task does.
   * Throws the error of `full()` at once, without running the task, if all slots and the queue are full.
   */
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Whether `run` would refuse now. */
  isFull(): boolean;
  /** The total number of tasks that can run and wait. */
  room(): number;
  stats(): { active: number; queued: number };
}

/** Weight of the last task in the expected duration of the next: the mean follows within some twenty tasks. */
const WEIGHT = 0.1;

/**
 * Runs at most `concurrency` tasks at a time, and lets no more wait than can run within `longestWait`. So a flood costs neither memory nor
 * ever longer waits: a task that cannot run soon is refused at once. The duration of tasks is learned from those that ran.
 */
export function createBoundedQueue(options: {
  concurrency: number;
  /** Maximum number of waiting tasks, however quick they are. */
  limit: number;
  /** Milliseconds that a new task may have to wait. One per slot may always wait. */
  longestWait: number;
  /** Expected milliseconds of a task until one has run. */
  expected: number;
  full: () => Error;
  /** Milliseconds from any origin. */
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

  /** The finished task passes its slot directly to the next one, so that a new task cannot overtake. */
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
