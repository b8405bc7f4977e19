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
  /**
   * Whole seconds after which whoever is refused now should come back. Each call takes the next place after what waits now, so that the
   * refused come back one after the other, no faster than tasks run.
   */
  retryAfter(): number;
  stats(): { active: number; queued: number };
}

/** Tasks that have had to wait since nothing waited: so many are a burst, as of a class that arrives; a queue that goes on stands. */
const BURST = 64;
/** Seconds; an attacker's refusals must not send others away for long. */
const LONGEST_RETRY = 10;
/** Weight of the last task in the expected duration of the next: the mean follows within some twenty tasks. */
const WEIGHT = 0.1;

/**
 * Runs at most `concurrency` tasks at a time, and lets no more wait than end within `longestAnswer`: a flood costs neither memory nor ever
 * longer waits, and a task that cannot end soon is refused at once. A burst, the first 64 to wait after nothing waited, may be as long as
 * ends within `longestBurst`: many who come at once and then no more are all served. The duration of tasks is learned from those that ran
 * (decision 39).
 */
export function createBoundedQueue(options: {
  concurrency: number;
  /** Maximum number of waiting tasks, however quick they are. */
  limit: number;
  /** Milliseconds from the arrival of a task to its end, in a queue that stands. One per slot may always wait. */
  longestAnswer: number;
  /** The same in a burst; default: `longestAnswer`. */
  longestBurst?: number;
  /** Expected milliseconds of a task until one has run. */
  expected: number;
  full: () => Error;
  /** Milliseconds from any origin. */
  now?: () => number;
  /** 0 to below 1. */
  random?: () => number;
}): BoundedQueue {
  const { concurrency, limit, longestAnswer, expected, full } = options;
  const { longestBurst = longestAnswer, now = () => performance.now(), random = Math.random } = options;
  const waiting: (() => void)[] = [];
  let active = 0;
  let taskTime = expected;
  /** How many have had to wait since none waited. */
  let haveWaited = 0;
  /** When the next refused caller may come back. */
  let nextReturn = 0;

  function room(): number {
    const within = (wait: number) => Math.max(concurrency, Math.floor(((wait - taskTime) * concurrency) / taskTime));
    const standing = within(longestAnswer);
    const inBurst = Math.min(within(longestBurst), waiting.length + Math.max(0, BURST - haveWaited));
    return concurrency + Math.min(limit, Math.max(standing, inBurst));
  }

  function retryAfter(): number {
    const at = now();
    const backlog = ((active + waiting.length) * taskTime) / concurrency;
    nextReturn = Math.max(nextReturn, at + backlog) + taskTime / concurrency;
    const seconds = Math.ceil((nextReturn - at) / 1000);
    if (seconds <= LONGEST_RETRY) return seconds;
    // More than can be told apart: spread evenly.
    nextReturn = at + LONGEST_RETRY * 1000;
    return 1 + Math.floor(random() * LONGEST_RETRY);
  }

  const isFull = () => active === concurrency && active + waiting.length >= room();

  /** The finished task passes its slot directly to the next one, so that a new task cannot overtake. */
  function release() {
    const next = waiting.shift();
    if (waiting.length === 0) haveWaited = 0;
    if (next) next();
    else active -= 1;
  }

  return {
    async run(task) {
      if (isFull()) throw full();
      if (active < concurrency) active += 1;
      else {
        haveWaited += 1;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
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
    retryAfter,
    stats: () => ({ active, queued: waiting.length }),
  };
}
