import type { Logger } from 'pino';
import { MINUTE, SECOND } from '../../platform/clock.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import type { EventStore, Eviction } from './event-store.ts';

export interface EvictionFeed {
  /** Starts to call `evict` for every target that any instance changes. */
  start(): Promise<void>;
  /** Reads new rows at once. */
  poll(): Promise<void>;
  /** Whether nothing was read for so long that remembered data may be out of date. */
  isBlind(): boolean;
  stop(): Promise<void>;
}

/** A revocation must reach instances that share only a database within a second; the read takes part of it. */
const POLL_EVERY = 400;
/** After this time an instance answers 503 instead of using its memory. */
export const BLIND_AFTER = 5 * SECOND;
/** Positions are assigned before their transactions commit, so rows are read again for this long: longer than a statement may take. */
const OVERLAP = 10 * SECOND;
const BATCH = 1000;
const FORGET_EVERY = 10 * MINUTE;

/** Follows the changes of other instances, by polling. Its times concern this process only, so it does not use the application's clock. */
export function createEvictionFeed(deps: {
  store: EventStore;
  evict: (target: string) => void;
  /**
   * For unknown changes: rows that this instance did not read in time may be deleted. Until it resolves, and if it rejects,
   * the instance stays blind.
   */
  evictAll: () => Promise<void>;
  /** For memories that nobody asks `isBlind` before: all is forgotten after every failed read while it is blind. */
  forgetsWhileBlind?: boolean;
  /** Milliseconds without a read after which the instance is blind. */
  blindAfter?: number | undefined;
  log: Logger;
}): EvictionFeed {
  const { store, evict, evictAll, blindAfter = BLIND_AFTER, forgetsWhileBlind = false, log } = deps;
  const outage = createOutageLog(log, 'reading the changes of other instances');
  /** The end of the feed at each time, oldest first; the overlap begins at the first entry. */
  const ends: { at: number; position: number }[] = [{ at: performance.now(), position: 0 }];
  /** Rows already seen within the overlap, so that each evicts once. */
  let seen = new Map<string, number>();
  let lastRead = { at: Number.NEGATIVE_INFINITY, wall: Number.NEGATIVE_INFINITY };
  /** The rows to delete next: old enough that every instance has read them, or is blind. */
  let forgettable = { at: performance.now(), position: 0 };
  let reading: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  /** By both clocks: the monotonic one stops while the machine is suspended, the other may be set. */
  function isBlind(): boolean {
    return performance.now() - lastRead.at > blindAfter || Date.now() - lastRead.wall > blindAfter;
  }

  async function read(): Promise<void> {
    const startedAt = performance.now();
    const wall = Date.now();
    const wasBlind = isBlind();
    // At first the whole feed, which is short: rows written during the start may have a position before its end.
    const from = ends[0]?.position ?? 0;
    let position = from;
    for (;;) {
      const rows = await store.evictionsAfter(position, BATCH);
      rows.forEach(apply);
      position = rows.at(-1)?.position ?? position;
      if (rows.length < BATCH) break;
    }
    if (wasBlind) await evictAll();
    lastRead = { at: startedAt, wall };
    ends.push({ at: startedAt, position });
    while (ends[1] && ends[1].at <= startedAt - OVERLAP) ends.shift();
    const oldest = ends[0]?.position ?? 0;
    seen = new Map([...seen].filter(([, seenPosition]) => seenPosition > oldest));
    if (startedAt - forgettable.at > FORGET_EVERY) {
      await store.forgetEvictions(forgettable.position);
      forgettable = { at: startedAt, position: from };
    }
  }

  function apply({ position, target }: Eviction): void {
    const key = `${position} ${target}`;
    if (seen.has(key)) return;
    seen.set(key, position);
    evict(target);
  }

  /** A running read may have begun before the change that the caller wants to see: then the next one is theirs. */
  function poll(): Promise<void> {
    if (reading) {
      next ??= reading
        .catch(() => {})
        .then(() => {
          next = null;
          return poll();
        });
      return next;
    }
    reading = read().finally(() => {
      reading = null;
    });
    return reading;
  }

  function loop(): void {
    poll()
      .then(outage.worked, async (error) => {
        outage.failed(error);
        if (forgetsWhileBlind && isBlind()) await evictAll().catch(() => {});
      })
      .finally(() => {
        if (!stopped) timer = setTimeout(loop, POLL_EVERY).unref();
      });
  }

  return {
    async start() {
      await poll();
      loop();
    },
    poll,
    isBlind,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await (next ?? reading)?.catch(() => {});
    },
  };
}

/** The feeds of several databases as one, blind where the main one is. */
export function joinFeeds(main: EvictionFeed, others: readonly EvictionFeed[]): EvictionFeed {
  const all = [main, ...others];
  return {
    async start() {
      await Promise.all(all.map((feed) => feed.start()));
    },
    async poll() {
      await Promise.all(all.map((feed) => feed.poll()));
    },
    isBlind: main.isBlind,
    async stop() {
      await Promise.all(all.map((feed) => feed.stop()));
    },
  };
}
