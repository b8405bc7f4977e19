import type { Logger } from 'pino';
import { MINUTE, SECOND } from '../../platform/clock.ts';
import { createOutageLog } from '../../platform/telemetry/outage-log.ts';
import type { EventStore, Eviction } from './event-store.ts';

export interface EvictionFeed {
  /** From now on `evict` is called for every target that any instance changes. */
  start(): Promise<void>;
  /** Reads what is new at once. */
  poll(): Promise<void>;
  /** Nothing was read for so long that what is remembered may be untrue. */
  isBlind(): boolean;
  stop(): Promise<void>;
}

/** The contract's bound for instances that share only a database is a second: a look takes part of it. */
const POLL_EVERY = 400;
/** From then on an instance answers 503 rather than trust its memory. */
export const BLIND_AFTER = 5 * SECOND;
/** Positions are handed out before their transactions commit, so what was read this long ago is read again: longer than a statement may take. */
const OVERLAP = 10 * SECOND;
const BATCH = 1000;
const FORGET_EVERY = 10 * MINUTE;

/** Follows what other instances change, by polling. Its times are about this process only, so they are not the application's clock. */
export function createEvictionFeed(deps: {
  store: EventStore;
  evict: (target: string) => void;
  /**
   * Everything may have changed: what this instance was too long away to read may be forgotten. Until it is done, and where it rejects,
   * the instance stays blind.
   */
  evictAll: () => Promise<void>;
  log: Logger;
}): EvictionFeed {
  const { store, evict, evictAll, log } = deps;
  const outage = createOutageLog(log, 'reading the changes of other instances');
  /** Where the feed ended at which time, oldest first; the first entry is where the overlap begins. */
  const ends: { at: number; position: number }[] = [{ at: performance.now(), position: 0 }];
  /** What was seen within the overlap, so that it evicts once. */
  let seen = new Map<string, number>();
  let lastRead = { at: Number.NEGATIVE_INFINITY, wall: Number.NEGATIVE_INFINITY };
  /** What is forgotten next time: noted long ago, so that every instance has read it, or knows that it is blind. */
  let forgettable = { at: performance.now(), position: 0 };
  let reading: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  /** By both clocks: the monotonic one stands still while the whole machine does, the other may be set. */
  function isBlind(): boolean {
    return performance.now() - lastRead.at > BLIND_AFTER || Date.now() - lastRead.wall > BLIND_AFTER;
  }

  async function read(): Promise<void> {
    const startedAt = performance.now();
    const wall = Date.now();
    const wasBlind = isBlind();
    // At first the whole feed, which is kept short: what is written while this starts may have a position before its end.
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

  /** A reading that is under way may have begun before what the caller wants to see: then the one after it is theirs. */
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
      .then(outage.worked, outage.failed)
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
