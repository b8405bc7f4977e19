export interface KeyedQueue {
  /**
   * Runs `work` when its key has room, in order of arrival, and settles as it does. Throws the error of `full()`, without running it, if
   * too many wait for the key, or if this one has waited too long.
   */
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

interface Line {
  active: number;
  waiting: Set<() => void>;
}

/** Lets so much work of one key run at a time in this process. Keys do not wait for each other, and cost nothing once they are idle. */
export function createKeyedQueue(options: {
  concurrency: number;
  /** How many may wait for one key. */
  waiting: number;
  /** Milliseconds that one may wait. */
  patience: number;
  full: () => Error;
}): KeyedQueue {
  const { concurrency, waiting, patience, full } = options;
  const lines = new Map<string, Line>();

  async function wait(line: Line): Promise<void> {
    if (line.waiting.size >= waiting) throw full();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        line.waiting.delete(enter);
        reject(full());
      }, patience);
      function enter() {
        clearTimeout(timer);
        resolve();
      }
      line.waiting.add(enter);
    });
  }

  /** Passes the place on, so that nobody who comes now overtakes. */
  function leave(key: string, line: Line): void {
    const [next] = line.waiting;
    if (next) {
      line.waiting.delete(next);
      next();
      return;
    }
    line.active -= 1;
    if (line.active === 0) lines.delete(key);
  }

  return {
    async run(key, work) {
      const line = lines.get(key) ?? { active: 0, waiting: new Set() };
      lines.set(key, line);
      if (line.active < concurrency) line.active += 1;
      else await wait(line);
      try {
        return await work();
      } finally {
        // Everything else that is due in the event loop goes first. Work on an embedded database may never wait: hundreds of requests that
        // have arrived together would run as one, and keep everybody else out.
        setImmediate(leave, key, line);
      }
    },
  };
}
