import { HOUR, MINUTE, SECOND } from '../../platform/clock.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { clientKey } from '../../platform/http/client-address.ts';
import { rateLimited } from '../../platform/http/limits.ts';
import type { Counters } from '../../platform/limits/counters.ts';
import type { AttackWatch } from './attack-watch.ts';
import type { DeviceTokens } from './device-tokens.ts';
import { guessingErrors } from './errors.ts';
import type { ProofOfWork, Solution } from './proof-of-work.ts';
import type { Pace, Throttles } from './throttles.ts';

/** What is known of a sign-in before the password is looked at. */
export interface SignInAttempt {
  /** What was typed, in the form that all spellings share; nothing tells whether there is such an account. */
  loginKey: string;
  password: string;
  /** Whose account it is, if anybody's. */
  userId: string | null;
  /** The tokens that the device keeps; empty where it has none. */
  deviceTokens: string;
  proof: Solution | undefined;
}

/** One try that may be made. Exactly one of the three is called when it is over. */
export interface Attempt {
  failed(): Promise<void>;
  passed(): Promise<void>;
  /** The password was not looked at after all. */
  undone(): Promise<void>;
}

export interface Guessing {
  /** Throws `rate_limited`, or `proof_required` with a puzzle. */
  admit(caller: Caller, attempt: SignInAttempt): Promise<Attempt>;
  /** The same for somebody who proves their password again within a session. Throws `rate_limited`. */
  admitSession(sessionId: string): Promise<Attempt>;
  /** Forgets what strangers tried under these logins. */
  forgive(loginKeys: readonly string[]): Promise<void>;
}

/** An hour has room for ten tries, then three: an account has two logins, so 20 guesses an hour at most, wherever they come from. */
const ACCOUNT: Pace = { kind: 'account', free: 5, delays: [2, 4, 8, 16, 20].map((minutes) => minutes * MINUTE) };
/** The same again for each device that has signed in before, and each session. */
const DEVICE: Pace = { ...ACCOUNT, kind: 'device' };
const SESSION: Pace = { ...ACCOUNT, kind: 'session' };
/** Accounts at which a client failed; many people may share an address. */
const CLIENT: Pace = { kind: 'client', free: 10, delays: [0.5, 1, 2, 4, 8, 15].map((minutes) => minutes * MINUTE) };
/** While many accounts are being guessed at. */
const SUSPECT_CLIENT_FREE = 3;
/** Where there are proofs of work, each try at an account beyond these needs one. */
const UNPROVED = 3;
const LEAST_BITS = 16;
const MOST_BITS = 22;

/**
 * Slows down guessing without locking anybody out: whoever signed in on a device before is counted there apart, and passes what strangers
 * cause. Everything is decided before the password is looked at, and alike whether or not there is such an account.
 */
export function createGuessing(deps: {
  throttles: Throttles;
  watch: AttackWatch;
  devices: DeviceTokens;
  /** Null: none are asked for. */
  proofs: ProofOfWork | null;
  counters: Counters;
  keyring: Keyring;
}): Guessing {
  const { throttles, watch, devices, proofs } = deps;
  const failedHere = deps.counters({ name: 'guess-client-account', points: 1, duration: HOUR / SECOND });

  async function take(pace: Pace, key: string): Promise<void> {
    const { wait } = await throttles.take(pace, key);
    if (wait > 0) throw rateLimited(wait);
  }

  /** Throws where a stranger must wait, or work. */
  async function demandOfStranger(client: string, { loginKey, password, proof }: SignInAttempt): Promise<void> {
    const [account, here, suspicion] = await Promise.all([
      throttles.look(ACCOUNT, loginKey),
      throttles.look(CLIENT, client),
      watch.suspicion(password),
    ]);
    // No work buys more tries at one account.
    if (account.wait > 0) throw rateLimited(account.wait);
    const clientWait = suspicion === 'attack' && here.tries >= SUSPECT_CLIENT_FREE ? MINUTE : 0;
    const wait = Math.max(here.wait, clientWait, suspicion === 'sprayed' ? MINUTE : 0);
    if (proofs === null) {
      if (wait > 0) throw rateLimited(wait);
      return;
    }
    if (wait === 0 && suspicion === null && account.tries < UNPROVED) return;
    const bits = Math.min(MOST_BITS, LEAST_BITS + Math.floor(here.tries / CLIENT.free));
    if (!proof || !(await proofs.accept(proof, bits))) {
      throw guessingErrors.proof_required({ members: { puzzle: proofs.pose(bits) } });
    }
  }

  async function failedFrom(client: string, { loginKey, password }: SignInAttempt): Promise<void> {
    const [first] = await Promise.all([
      failedHere.add(`${client} ${deps.keyring.mac('guessed-account', [loginKey]).toString('base64url')}`),
      watch.failed({ loginKey, password }),
    ]);
    if (!first.isOver) await throttles.take(CLIENT, client);
  }

  return {
    async admit(caller, attempt) {
      const client = clientKey(caller.ip);
      const device = attempt.userId === null ? null : devices.read(attempt.deviceTokens, attempt.userId);
      const [pace, key] = device === null ? [ACCOUNT, attempt.loginKey] : [DEVICE, `${attempt.userId} ${device}`];
      if (device === null) await demandOfStranger(client, attempt);
      await take(pace, key);
      return {
        failed: () => failedFrom(client, attempt),
        async passed() {
          await Promise.all([throttles.forget(pace, key), watch.passed()]);
        },
        undone: () => throttles.undo(pace, key),
      };
    },

    async admitSession(sessionId) {
      await take(SESSION, sessionId);
      return {
        failed: async () => {},
        passed: () => throttles.forget(SESSION, sessionId),
        undone: () => throttles.undo(SESSION, sessionId),
      };
    },

    async forgive(loginKeys) {
      await Promise.all(loginKeys.map((key) => throttles.forget(ACCOUNT, key)));
    },
  };
}

const FREE: Attempt = { failed: async () => {}, passed: async () => {}, undone: async () => {} };

/** Where the configuration switches every limit off. */
export const NO_GUESSING: Guessing = {
  admit: async () => FREE,
  admitSession: async () => FREE,
  forgive: async () => {},
};
