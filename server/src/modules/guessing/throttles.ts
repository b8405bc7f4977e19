import { setTimeout as pause } from 'node:timers/promises';
import { after, type Clock, DAY } from '../../platform/clock.ts';
import type { KeyedHash } from '../../platform/crypto/keyed-hash.ts';
import type { Throttle, ThrottleStore } from './throttle-store.ts';

/** The allowed pace of attempts. */
export interface Pace {
  /** The kind of key; the same key of another kind is another throttle. */
  kind: string;
  /** Number of attempts without a delay. */
  free: number;
  /** Milliseconds to wait after the last free attempt, after the next, and so on; the last delay repeats. */
  delays: readonly number[];
  /** Milliseconds for which it is kept after its last attempt, or the end of its wait. Default: a day. */
  kept?: number;
  /** Instead of `kept`: milliseconds from its first attempt until it is forgotten, with every wait. */
  window?: number;
}

export interface Turn {
  /** The count so far. */
  tries: number;
  /** Milliseconds; 0: the attempt is allowed. */
  wait: number;
}

export interface Throttles {
  /**
   * Counts an attempt before it is made, so that concurrent attempts are limited like sequential ones. `wait` above 0: the attempt is not
   * allowed for this many milliseconds, and was not counted.
   */
  take(pace: Pace, key: string): Promise<Turn>;
  /** Counts an attempt that was already made, also during a wait, which then restarts: concurrent attempts count like sequential ones. */
  count(pace: Pace, key: string): Promise<Turn>;
  /** The same without counting, for attempts that are counted only when they fail. */
  peek(pace: Pace, key: string): Promise<Turn>;
  /** Reads, and extends the record so that it outlives everything that is counted from now on. */
  extend(pace: Pace, key: string): Promise<Turn>;
  /** Takes back an attempt that was counted, but not made, and the wait after it. */
  undo(pace: Pace, key: string): Promise<void>;
  /** Takes back what `count` counted. A wait that the other attempts cause stays. */
  uncount(pace: Pace, key: string): Promise<void>;
  /** Deletes the record. */
  forget(pace: Pace, key: string): Promise<void>;
}

const KEPT = DAY;
/** Longer than any wait and its aftermath. */
const OUTLIVES = 2 * KEPT;
/** Lost races after which an attempt is refused for the first delay. */
const RACES = 20;
/** Between two rounds of a race, in milliseconds. */
const LONGEST_PAUSE = 50;
/** No wait is no time: the clock of another host may be behind the one that wrote it. */
const NO_WAIT = new Date(0);

/**
 * Growing delays, kept in the database, so that neither a restart nor an empty Redis gives more attempts:
 * `const { wait } = await throttles.take(pace, key)`.
 */
export function createThrottles(deps: { store: ThrottleStore; keyedHash: KeyedHash; clock: Clock }): Throttles {
  const { store, keyedHash, clock } = deps;

  const keyOf = ({ kind }: Pace, key: string) => keyedHash(`throttle ${kind} ${key}`);

  async function read(key: string, now: Date): Promise<Throttle> {
    const found = await store.find(key);
    if (found && found.expiresAt > now) return found;
    return { key, tries: 0, nextAt: NO_WAIT, expiresAt: now, version: found?.version ?? 0 };
  }

  /** `turn`: the count from now on, and the milliseconds until the next attempt. */
  function write(pace: Pace, throttle: Throttle, now: Date, { tries, wait }: Turn): Promise<boolean> {
    const expiresAt = expiryOf(pace, throttle, now, wait);
    const end = Math.min(now.getTime() + wait, expiresAt.getTime());
    const nextAt = wait > 0 ? new Date(end) : NO_WAIT;
    return store.put({ ...throttle, tries, nextAt, expiresAt, version: throttle.version + 1 });
  }

  function expiryOf({ kept = KEPT, window }: Pace, { expiresAt }: Throttle, now: Date, wait: number): Date {
    if (window === undefined) return after(now, wait + kept);
    return expiresAt > now ? expiresAt : after(now, window);
  }

  /** Milliseconds to wait after so many attempts. */
  function delayAfter({ free, delays }: Pace, tries: number): number {
    return tries < free ? 0 : (delays[Math.min(tries - free, delays.length - 1)] ?? 0);
  }

  /** A wait is never longer than the pace says: a clock of another host that is ahead cannot extend it. */
  const turnOf = (pace: Pace, { tries, nextAt }: Throttle, now: Date): Turn => ({
    tries,
    wait: Math.min(Math.max(0, nextAt.getTime() - now.getTime()), delayAfter(pace, tries)),
  });

  async function add(pace: Pace, name: string, { alsoWhileWaiting }: { alsoWhileWaiting: boolean }): Promise<Turn> {
    const key = keyOf(pace, name);
    for (let races = 0; ; races += 1) {
      const now = clock();
      const throttle = await read(key, now);
      const turn = turnOf(pace, throttle, now);
      if (turn.wait > 0 && !alsoWhileWaiting) return turn;
      const tries = throttle.tries + 1;
      if (await write(pace, throttle, now, { tries, wait: delayAfter(pace, tries) })) return { tries, wait: 0 };
      // Every attempt is counted, however many are concurrent: in each round one of them wins.
      if (alsoWhileWaiting) await pause(Math.random() * Math.min(races, LONGEST_PAUSE));
      else if (races === RACES) return { tries, wait: pace.delays[0] ?? 1 };
    }
  }

  /** Takes back one attempt; `waitOf`: the milliseconds of waiting that remain. */
  async function subtract(pace: Pace, name: string, waitOf: (tries: number, wait: number) => number): Promise<void> {
    const key = keyOf(pace, name);
    // After so many lost races, one attempt too many stays counted, which costs a wait and no safety.
    for (let races = 0; races <= RACES; races += 1) {
      const now = clock();
      const throttle = await read(key, now);
      if (throttle.tries === 0) return;
      const tries = throttle.tries - 1;
      const wait = waitOf(tries, turnOf(pace, throttle, now).wait);
      if (await write(pace, throttle, now, { tries, wait })) return;
    }
  }

  return {
    take: (pace, name) => add(pace, name, { alsoWhileWaiting: false }),
    count: (pace, name) => add(pace, name, { alsoWhileWaiting: true }),

    async peek(pace, name) {
      const now = clock();
      return turnOf(pace, await read(keyOf(pace, name), now), now);
    },

    async extend(pace, name) {
      const now = clock();
      const throttle = await read(keyOf(pace, name), now);
      const turn = turnOf(pace, throttle, now);
      if (turn.tries > 0 && throttle.expiresAt < after(now, OUTLIVES)) {
        // A loser here lost to a write of this moment, which keeps the record as long.
        await write(pace, throttle, now, turn);
      }
      return turn;
    },

    undo: (pace, name) => subtract(pace, name, () => 0),
    uncount: (pace, name) => subtract(pace, name, (tries, wait) => Math.min(wait, delayAfter(pace, tries))),

    forget: (pace, name) => store.remove(keyOf(pace, name)),
  };
}
