import { DAY, HOUR, MINUTE } from '../../platform/clock.ts';
import { rateLimited } from '../../platform/http/limits.ts';
import { networkOf } from '../../platform/http/network.ts';
import type { Pace, Throttles } from './throttles.ts';

/** Who causes a mail to an address, or tries a code that was mailed to it. */
export interface Asker {
  /** The client's address. */
  ip: string;
  /** A known device, account or administrator, who is counted apart from everybody else; null: a stranger. */
  apart?: string | null;
}

/** Bounds what reaches one e-mail address, and what is guessed about it, over every route together (decision 35). */
export interface AddressBounds {
  /** Takes room for one mail to this address (canonical form). Milliseconds to wait; 0: it may be mailed. */
  takeMail(asker: Asker, emailNorm: string): Promise<number>;
  /** The same for a mail that signs in, of which there are fewer: one a minute, then an hour after each five, twenty a day. */
  takeSignInMail(asker: Asker, emailNorm: string): Promise<number>;
  /** Counts a try of a code that was mailed to this address, before the code is compared. Throws `rate_limited`. */
  takeGuess(asker: Asker, emailNorm: string): Promise<Guess>;
  /** The same for a code that signs in: twenty a day of all strangers together, and of each that is counted apart. */
  takeSignInGuess(asker: Asker, emailNorm: string): Promise<Guess>;
}

/** A counted try of a code. */
export interface Guess {
  /** Takes it back: the code was right, or was not compared. */
  undo(): Promise<void>;
}

/** The three counts of an address, and the one of those who are counted apart. */
interface Bound {
  /** Of one client network; its first request within `kept` uses nothing that others use. */
  network: Pace;
  /** Of all further requests, from all networks together. */
  further: Pace;
  /** Of the first requests of all networks together: only very many networks reach it. */
  first: Pace;
  /** Of each that is counted apart. */
  apart: Pace;
}

/** So many in an hour, as many in the next, then one an hour. */
const hourly = (free: number) => ({ free, delays: [HOUR, ...Array.from({ length: free - 1 }, () => 0), HOUR] });
const MAILS: Bound = {
  // Forgotten after an hour, so that nobody waits longer for a mail.
  network: { kind: 'mail-network', ...hourly(5), kept: HOUR },
  further: { kind: 'mail-further', ...hourly(10) },
  first: { kind: 'mail-first', free: 100, delays: [5 * MINUTE] },
  apart: { kind: 'mail-apart', ...hourly(5) },
};

/** Delays after the first, second … of twenty: a minute, and an hour after each five. Then nothing until the day is over. */
const SIGN_IN_DELAYS = [...Array.from({ length: 19 }, (_, i) => (i % 5 === 4 ? HOUR : MINUTE)), DAY];
const daily = { free: 1, delays: SIGN_IN_DELAYS, window: DAY };
const SIGN_IN_MAILS: Bound = {
  network: { kind: 'sign-in-mail-network', ...daily },
  // Its hours and its day end with those of a network whose first request is not among these.
  further: { kind: 'sign-in-mail-further', ...daily, delays: SIGN_IN_DELAYS.slice(1) },
  first: { kind: 'sign-in-mail-first', free: 100, delays: [5 * MINUTE] },
  apart: { kind: 'sign-in-mail-apart', ...daily },
};

const SLOWER = [5, 10, 20, 30, 60].map((minutes) => minutes * MINUTE);
const GUESSES: Bound = {
  network: { kind: 'code-network', free: 20, delays: SLOWER },
  further: { kind: 'code-further', free: 30, delays: SLOWER },
  first: { kind: 'code-first', free: 300, delays: [5 * MINUTE] },
  apart: { kind: 'code-apart', free: 20, delays: SLOWER },
};

/** A code that signs in opens an account, so no network has a count of its own. */
const SIGN_IN_GUESSES = { free: 20, delays: [DAY], window: DAY };
const SIGN_IN_GUESS: Pace = { kind: 'sign-in-code', ...SIGN_IN_GUESSES };
const SIGN_IN_GUESS_APART: Pace = { kind: 'sign-in-code-apart', ...SIGN_IN_GUESSES };

/** One counted request; `counts` are the throttles that hold it. */
interface Taken {
  wait: number;
  counts: readonly (readonly [Pace, string])[];
}

/**
 * Creates the bounds. A stranger who uses them up takes no room from others: the first request of each client network has its own, and a
 * known device is counted apart. Kept in the database: `const wait = await bounds.takeMail({ ip: caller.ip }, emailNorm)`.
 */
export function createAddressBounds({ throttles }: { throttles: Throttles }): AddressBounds {
  async function take(bound: Bound, { ip, apart = null }: Asker, emailNorm: string): Promise<Taken> {
    if (apart !== null) {
      const key = `${emailNorm} ${apart}`;
      return { wait: (await throttles.take(bound.apart, key)).wait, counts: [[bound.apart, key]] };
    }
    const key = `${emailNorm} ${clientNetwork(ip)}`;
    const own = await throttles.take(bound.network, key);
    if (own.wait > 0) return { wait: own.wait, counts: [] };
    const shared = own.tries === 1 ? bound.first : bound.further;
    const { wait } = await throttles.take(shared, emailNorm);
    // What was refused is not counted, so that this network's first request stays its first.
    if (wait > 0) await throttles.undo(bound.network, key);
    return {
      wait,
      counts: [
        [bound.network, key],
        [shared, emailNorm],
      ],
    };
  }

  async function undo({ counts }: Taken): Promise<void> {
    await Promise.all(counts.map(([pace, key]) => throttles.undo(pace, key)));
  }

  function guessOf(taken: Taken): Guess {
    if (taken.wait > 0) throw rateLimited(taken.wait);
    return { undo: () => undo(taken) };
  }

  return {
    takeMail: async (asker, emailNorm) => (await take(MAILS, asker, emailNorm)).wait,

    async takeSignInMail(asker, emailNorm) {
      const own = await take(SIGN_IN_MAILS, asker, emailNorm);
      if (own.wait > 0) return own.wait;
      const { wait } = await take(MAILS, asker, emailNorm);
      if (wait > 0) await undo(own);
      return wait;
    },

    takeGuess: async (asker, emailNorm) => guessOf(await take(GUESSES, asker, emailNorm)),

    async takeSignInGuess({ apart = null }, emailNorm) {
      const [pace, key] = apart === null ? [SIGN_IN_GUESS, emailNorm] : [SIGN_IN_GUESS_APART, `${emailNorm} ${apart}`];
      const { wait } = await throttles.take(pace, key);
      return guessOf({ wait, counts: [[pace, key]] });
    },
  };
}

/** An IPv4 address, or the site of an IPv6 address: one subscriber may have 65,536 networks of /64. */
const clientNetwork = (ip: string): string => (ip.includes(':') ? networkOf(ip) : ip);
