import type { Database } from './types.ts';

/** A connection that is told what others commit. */
export interface Listener {
  /** Resolves once everything that was committed before this call has been told. */
  beat(): Promise<void>;
  close(): void;
}

/** How a database tells one connection what others have committed. */
export type ChangeSource =
  | {
      kind: 'version';
      /** Another number once another connection has committed anything. */
      read(): number;
    }
  | {
      kind: 'channel';
      /** Rejects while the database is away. `onLost` is called once, when nothing more will be told. */
      listen(channel: string, told: { onMessage(payload: string): void; onLost(): void }): Promise<Listener>;
    };

/** Whether what this process remembers of the database is still so. */
export interface ChangeWatch {
  /**
   * True if nobody else has changed what is remembered, as of at most 100 ms ago on PostgreSQL and of now on SQLite; what was changed is
   * forgotten before it answers. False where that cannot be known: then the database is to be read.
   */
  isCurrent(): boolean;
}

/** Milliseconds for which the database's last word holds, and after which it is asked again meanwhile. */
const HOLDS_FOR = 100;
const ASK_AFTER = 40;
/** Milliseconds between two tries to listen. */
const RETRY_AFTER = 1_000;

const NEVER: ChangeWatch = { isCurrent: () => false };

/**
 * Watches what other connections write. `forget` is called with what a notice of `channel` names, or with null where anything may have changed.
 * Whatever this process writes, it has to forget by itself. On MySQL and MongoDB nothing tells of a commit, so nothing is ever current.
 *
 *     const watch = watchChanges(database, { channel: 'ostiary_users', forget: (id) => (id === null ? memory.clear() : memory.evict(id)) });
 */
export function watchChanges(
  database: Database,
  options: { channel: string; forget(what: string | null): void },
): ChangeWatch {
  const source = database.kind === 'sql' ? database.changes : null;
  if (source === null) return NEVER;
  return source.kind === 'version' ? byVersion(source.read, options.forget) : byChannel(source.listen, options);
}

function byVersion(read: () => number, forget: (what: null) => void): ChangeWatch {
  let known = read();
  return {
    isCurrent() {
      const version = read();
      if (version !== known) {
        known = version;
        forget(null);
      }
      return true;
    },
  };
}

function byChannel(
  listen: Extract<ChangeSource, { kind: 'channel' }>['listen'],
  { channel, forget }: { channel: string; forget(what: string | null): void },
): ChangeWatch {
  let listener: Listener | null = null;
  let isOpening = false;
  let isAsking = false;
  let triedAt = Number.NEGATIVE_INFINITY;
  /** Everything that was committed before this time is known here. By `performance.now()`. */
  let knownUntil = Number.NEGATIVE_INFINITY;

  function lose(): void {
    listener?.close();
    listener = null;
    knownUntil = Number.NEGATIVE_INFINITY;
    forget(null);
  }

  async function open(): Promise<void> {
    isOpening = true;
    triedAt = performance.now();
    try {
      const opened = await listen(channel, { onMessage: forget, onLost: lose });
      // What was remembered before anybody listened may be old.
      forget(null);
      listener = opened;
      ask(opened);
    } catch {
      // Requests read the database meanwhile, and tell why it is away.
    } finally {
      isOpening = false;
    }
  }

  function ask(asked: Listener): void {
    const at = performance.now();
    isAsking = true;
    asked.beat().then(
      () => {
        isAsking = false;
        if (listener === asked) knownUntil = at;
      },
      () => {
        isAsking = false;
        if (listener === asked) lose();
      },
    );
  }

  return {
    isCurrent() {
      const now = performance.now();
      if (listener === null) {
        if (!isOpening && now - triedAt > RETRY_AFTER) void open();
        return false;
      }
      if (!isAsking && now - knownUntil > ASK_AFTER) ask(listener);
      return now - knownUntil <= HOLDS_FOR;
    },
  };
}
