/** A connection, as the pool needs it. */
interface Pooled {
  isOpen(): boolean;
  /** Sends QUIT; never rejects. */
  quit(): Promise<void>;
}

interface Idle<C> {
  connection: C;
  uses: number;
  timer: NodeJS.Timeout;
}

export interface PoolOptions<C> {
  open(signal: AbortSignal): Promise<C>;
  /** Maximum number of connections. */
  size: number;
  /** Uses after which a connection is replaced. */
  uses: number;
  /** Milliseconds after which an idle connection ends. */
  idleTimeout: number;
}

/**
 * Keeps connections for the next use. When all are in use, callers wait in order.
 */
export function createPool<C extends Pooled>({ open, size, uses, idleTimeout }: PoolOptions<C>) {
  const idle: Idle<C>[] = [];
  const waiting: { resolve(): void; reject(error: unknown): void }[] = [];
  const goodbyes = new Set<Promise<unknown>>();
  let turns = size;
  let closed = false;

  /**
   * Runs `work` with a connection; `reused` says that it is not new, so that the server may have closed it meanwhile. Rejects
   * with the error of `open` or `work`, or with the reason of `signal`.
   */
  async function use<T>(work: (connection: C, reused: boolean) => Promise<T>, signal: AbortSignal): Promise<T> {
    await turn(signal);
    try {
      if (closed) throw closedError();
      const kept = takeIdle();
      const connection = kept?.connection ?? (await open(signal));
      try {
        return await work(connection, kept !== undefined);
      } finally {
        keep(connection, (kept?.uses ?? 0) + 1);
      }
    } finally {
      endTurn();
    }
  }

  async function turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (closed) throw closedError();
    if (turns > 0) {
      turns -= 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { resolve, reject };
    const onAbort = () => {
      const place = waiting.indexOf(waiter);
      // The caller returns its slot if the work rejects.
      if (place >= 0) waiting.splice(place, 1);
      reject(signal.reason);
    };
    waiting.push(waiter);
    signal.addEventListener('abort', onAbort, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  /** The longest waiting caller gets the slot. */
  function endTurn(): void {
    const next = waiting.shift();
    if (next) next.resolve();
    else turns += 1;
  }

  function takeIdle(): Idle<C> | undefined {
    for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) {
      clearTimeout(kept.timer);
      if (kept.connection.isOpen()) return kept;
    }
    return undefined;
  }

  function keep(connection: C, used: number): void {
    if (closed || used >= uses || !connection.isOpen()) {
      end(connection);
      return;
    }
    const kept: Idle<C> = {
      connection,
      uses: used,
      timer: setTimeout(() => {
        idle.splice(idle.indexOf(kept), 1);
        end(connection);
      }, idleTimeout).unref(),
    };
    idle.push(kept);
  }

  function end(connection: C): void {
    const goodbye = connection.quit().finally(() => goodbyes.delete(goodbye));
    goodbyes.add(goodbye);
  }

  /** Rejects waiting callers, ends idle connections, and lets the used ones finish and end. Resolves when the QUITs so far are answered. */
  async function close(): Promise<void> {
    closed = true;
    for (const { reject } of waiting.splice(0)) reject(closedError());
    for (let kept = takeIdle(); kept !== undefined; kept = takeIdle()) end(kept.connection);
    await Promise.all(goodbyes);
  }

  return { use, close };
}

const closedError = () => new Error('The mailer is closed.');
