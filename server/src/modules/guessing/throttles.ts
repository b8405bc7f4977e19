import { setTimeout as pause } from 'node:timers/promises';
import { after, type Clock, DAY } from '../../platform/clock.ts';
import type { KeyedHash } from '../../platform/crypto/keyed-hash.ts';
import type { Throttle, ThrottleStore } from './throttle-store.ts';

/** How fast something may be tried. */
export interface Pace {
  /** What the key means; the same key of another kind is another throttle. */
  kind: string;
  /** So many tries at any pace. */
  free: number;
  /** Milliseconds to wait after the last free one, after the next, and so on; the last one stays. */
  delays: readonly number[];
  /** Milliseconds for which it is kept after its last try, or the end of its wait. A day unless it says otherwise. */
  kept?: number;
}

export interface Turn {
  /** Counted so far. */
  tries: number;
  /** Milliseconds; 0: it may be made. */
  wait: number;
}

export interface Throttles {
  /**
   * Counts a try before it is made, so that of many at once no more are made than of one after the other. `wait`: it must not be made
   * for so many milliseconds, and was not counted.
   */
  take(pace: Pace, key: string): Promise<Turn>;
  /** Counts what was made already, also while there is a wait, which then begins anew: many at once cost what one after the other does. */
  count(pace: Pace, key: string): Promise<Turn>;
  /** The same without counting: what is only counted when it has failed. */
  peek(pace: Pace, key: string): Promise<Turn>;
  /** Looks, and makes sure that what is there outlives whatever is counted from now on. */
  extend(pace: Pace, key: string): Promise<Turn>;
  /** Takes one try back that was counted, but not made. */
  undo(pace: Pace, key: string): Promise<void>;
  /** As if it had never been tried. */
  forget(pace: Pace, key: string): Promise<void>;
}

const KEPT = DAY;
/** Longer than any wait and what follows it. */
const OUTLIVES = 2 * KEPT;
/** Callers that come in the same moment read again; who loses so often is one of very many. */
const RACES = 20;
/** Between two rounds of a race, in milliseconds. */
const LONGEST_PAUSE = 50;

/** Growing delays, kept in the database: neither a restart nor an empty Redis gives anybody more tries. */
export function createThrottles(deps: { store: ThrottleStore; keyedHash: KeyedHash; clock: Clock }): Throttles {
  const { store, keyedHash, clock } = deps;

  const keyOf = ({ kind }: Pace, key: string) => keyedHash(`throttle ${kind} ${key}`);

  async function read(key: string, now: Date): Promise<Throttle> {
    const found = await store.find(key);
    if (found && found.expiresAt > now) return found;
    return { key, tries: 0, nextAt: now, expiresAt: now, version: found?.version ?? 0 };
  }

  function write({ kept = KEPT }: Pace, throttle: Throttle, tries: number, nextAt: Date): Promise<boolean> {
    return store.put({ ...throttle, tries, nextAt, expiresAt: after(nextAt, kept), version: throttle.version + 1 });
  }

  const turnOf = ({ tries, nextAt }: Throttle, now: Date): Turn => ({
    tries,
    wait: Math.max(0, nextAt.getTime() - now.getTime()),
  });

  async function add(pace: Pace, name: string, { alsoWhileWaiting }: { alsoWhileWaiting: boolean }): Promise<Turn> {
    const key = keyOf(pace, name);
    for (let races = 0; ; races += 1) {
      const now = clock();
      const throttle = await read(key, now);
      const turn = turnOf(throttle, now);
      if (turn.wait > 0 && !alsoWhileWaiting) return turn;
      const tries = throttle.tries + 1;
      const delay = pace.delays[Math.min(tries - pace.free, pace.delays.length - 1)] ?? 0;
      if (await write(pace, throttle, tries, after(now, tries < pace.free ? 0 : delay))) return { tries, wait: 0 };
      // What was made is counted, however many come at once: in each round one of them wins.
      if (alsoWhileWaiting) await pause(Math.random() * Math.min(races, LONGEST_PAUSE));
      else if (races === RACES) return { tries, wait: pace.delays[0] ?? 1 };
    }
  }

  return {
    take: (pace, name) => add(pace, name, { alsoWhileWaiting: false }),
    count: (pace, name) => add(pace, name, { alsoWhileWaiting: true }),

    async peek(pace, name) {
      const now = clock();
      return turnOf(await read(keyOf(pace, name), now), now);
    },

    async extend(pace, name) {
      const now = clock();
      const throttle = await read(keyOf(pace, name), now);
      const turn = turnOf(throttle, now);
      if (turn.tries > 0 && throttle.expiresAt < after(now, OUTLIVES)) {
        // Who loses here loses to somebody who has just written it, and so keeps it as long.
        await write(pace, throttle, turn.tries, after(now, turn.wait));
      }
      return turn;
    },

    async undo(pace, name) {
      const key = keyOf(pace, name);
      // Who loses so often leaves one too many counted, which costs a wait and no safety.
      for (let races = 0; races <= RACES; races += 1) {
        const now = clock();
        const throttle = await read(key, now);
        if (throttle.tries === 0 || (await write(pace, throttle, throttle.tries - 1, now))) return;
      }
    },

    forget: (pace, name) => store.remove(keyOf(pace, name)),
  };
}
