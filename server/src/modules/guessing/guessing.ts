import { DAY, HOUR, MINUTE, SECOND } from '../../platform/clock.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { clientKey } from '../../platform/http/client-address.ts';
import { type ForgivableLimit, rateLimited } from '../../platform/http/limits.ts';
import type { Counters } from '../../platform/limits/counters.ts';
import type { AttackWatch } from './attack-watch.ts';
import type { DeviceOwner, DeviceTokens } from './device-tokens.ts';
import { guessingErrors } from './errors.ts';
import type { ProofOfWork, Solution } from './proof-of-work.ts';
import type { Pace, Throttles } from './throttles.ts';

/** A sign-in before its password is checked. */
export interface SignInAttempt {
  /** The typed login, in the form that all spellings share, whether or not there is such an account. */
  loginKey: string;
  /** All logins of the account in that form; empty if there is none. */
  loginKeys: readonly string[];
  /** Of the password; `passwordFingerprint`. */
  fingerprint: string;
  /** The owner of the account, if it exists. */
  user: DeviceOwner | null;
  /** The tokens of the device; empty if it has none. */
  deviceTokens: string;
  proof: Solution | undefined;
}

/** An admitted attempt. Call exactly one of the three when it is over. */
export interface Attempt {
  failed(): Promise<void>;
  /** Also takes back what earlier attempts of the client at this account counted against the client. */
  passed(): Promise<void>;
  /** The password was not checked after all. */
  undone(): Promise<void>;
}

/** A sign-in whose password is to be checked. */
export interface AdmittedSignIn extends Attempt {
  /** Called after `passed` if the sign-in waits for a step: a right password that starts no session uses up no attempt of the client. */
  waits(): Promise<void>;
}

export interface Guessing {
  /** Throws `rate_limited`, or `proof_required` with a puzzle. */
  admit(caller: Caller, attempt: SignInAttempt): Promise<AdmittedSignIn>;
  /** The same for a password that is proved again within a session. Throws `rate_limited`. */
  admitSession(actor: Pick<SessionActor, 'userId' | 'sessionId'>): Promise<Attempt>;
  /** The same for a step of a sign-in, for all flows and codes together. `tries`: with this one. Throws `rate_limited`. */
  admitStep(caller: Caller, userId: string): Promise<Attempt & { tries: number }>;
  /** Forgets the attempts at an account: of strangers at its logins, of its devices, in its sessions and at its steps. */
  forgive(userId: string, loginKeys: readonly string[]): Promise<void>;
}

/** Allows ten attempts in the first hour, then three an hour. An account has two logins: at most 20 guesses an hour, from anywhere. */
const ACCOUNT: Pace = { kind: 'account', free: 5, delays: [2, 4, 8, 16, 20].map((minutes) => minutes * MINUTE) };
/** The same for each known device, and for each session. */
const DEVICE: Pace = { ...ACCOUNT, kind: 'device' };
const SESSION: Pace = { ...ACCOUNT, kind: 'session' };
/** A step follows the first factor, so that strangers cannot use these attempts up. */
const STEP: Pace = { ...ACCOUNT, kind: 'step' };
/**
 * How often an account was forgiven. A new number abandons the counts of its devices and sessions, which are not listed. It must
 * outlive them: a reset number would bring forgiven counts back, and abandon others.
 */
const FORGIVEN: Pace = { kind: 'forgiven', free: Number.MAX_SAFE_INTEGER, delays: [], kept: 3 * DAY };
/** Accounts at which a client failed; many people may share an address. */
const CLIENT: Pace = { kind: 'client', free: 10, delays: [0.5, 1, 2, 4, 8, 15].map((minutes) => minutes * MINUTE) };
/** The key of a typed login, distinct from user ids, which are keys, too. */
const typed = (loginKey: string) => `login ${loginKey}`;
const NOBODY: DeviceOwner = { id: '', passwordVersion: 0 };
/** Failed accounts per client while many accounts are under attack. */
const SUSPECT_CLIENT_FREE = 3;
/** With proofs of work, attempts at an account beyond this number need one. */
const UNPROVED = 3;
/** For users whose client cannot solve the puzzle. */
const WAYS_IN =
  'If your program does not solve the puzzle by itself, sign in on a device or in a browser that has signed in before, or set a new password by mail.';
const LEAST_BITS = 16;
const MOST_BITS = 22;

/**
 * Slows down guessing without lockout: a known device has its own count, and is not affected by strangers. Everything is
 * decided before the password is checked, and in the same way whether or not there is such an account:
 * `const attempt = await guessing.admit(caller, signIn)`, then `await attempt.failed()`.
 */
export function createGuessing(deps: {
  throttles: Throttles;
  watch: AttackWatch;
  devices: DeviceTokens;
  /** Null: no proofs are requested. */
  proofs: ProofOfWork | null;
  /** Attempts of a client at an account, successful ones too; a known device is counted separately, also at an address that it shares with strangers. */
  passwordTries: ForgivableLimit;
  /** Called when an account must wait, not only one client. */
  notifyOfBlock: (caller: Caller, loginKey: string) => void;
  counters: Counters;
}): Guessing {
  const { throttles, watch, devices, proofs } = deps;
  const failedHere = deps.counters({ name: 'guess-client-account', points: 1, duration: HOUR / SECOND });

  const ownKey = async (userId: string, name: string) =>
    `${userId} ${name} ${(await throttles.extend(FORGIVEN, userId)).tries}`;

  /** Throws if an unknown device must wait or send a proof of work. */
  async function demandOfStranger(caller: Caller, { loginKey, fingerprint, proof }: SignInAttempt): Promise<void> {
    const client = clientKey(caller.ip);
    const [account, here, suspicion] = await Promise.all([
      throttles.peek(ACCOUNT, loginKey),
      throttles.peek(CLIENT, client),
      watch.suspicion(fingerprint),
    ]);
    // No proof of work buys more attempts at one account.
    if (account.wait > 0) throw heldBack(caller, loginKey, account.wait);
    const clientWait = suspicion === 'attack' && here.tries >= SUSPECT_CLIENT_FREE ? MINUTE : 0;
    const wait = Math.max(here.wait, clientWait, suspicion === 'sprayed' ? MINUTE : 0);
    if (proofs === null) {
      if (wait > 0) throw rateLimited(wait);
      return;
    }
    if (wait === 0 && suspicion === null && account.tries < UNPROVED) return;
    const bits = Math.min(MOST_BITS, LEAST_BITS + Math.floor(here.tries / CLIENT.free));
    if (!proof || !(await proofs.accept(proof, bits))) {
      throw guessingErrors.proof_required({ detail: WAYS_IN, members: { puzzle: proofs.pose(bits) } });
    }
  }

  function heldBack(caller: Caller, loginKey: string, wait: number): Error {
    deps.notifyOfBlock(caller, loginKey);
    return rateLimited(wait);
  }

  async function failedFrom(client: string, { loginKey, fingerprint }: SignInAttempt): Promise<void> {
    const [first] = await Promise.all([
      failedHere.add(`${client} ${loginKey}`),
      watch.failed({ loginKey, fingerprint }),
    ]);
    if (!first.isOver) await throttles.count(CLIENT, client);
  }

  /** An office in which each person mistypes once is no attacker. Of concurrent successes one takes back, and only what was counted. */
  async function passedFrom(client: string, { loginKey, loginKeys }: SignInAttempt): Promise<void> {
    for (const key of new Set([loginKey, ...loginKeys])) {
      if (await failedHere.forget(`${client} ${key}`)) await throttles.uncount(CLIENT, client);
    }
  }

  return {
    async admit(caller, attempt) {
      const { user, loginKey } = attempt;
      // Also without an account: the time to check tokens must not reveal whether there is one.
      const device = devices.read(attempt.deviceTokens, user ?? NOBODY);
      const isStranger = user === null || device === null;
      const [pace, key] = isStranger ? [ACCOUNT, loginKey] : [DEVICE, await ownKey(user.id, device)];
      if (isStranger) await demandOfStranger(caller, attempt);
      const triesKey = isStranger ? typed(loginKey) : key;
      await deps.passwordTries.count(caller.ip, triesKey);
      const { wait } = await throttles.take(pace, key);
      if (wait > 0) throw heldBack(caller, loginKey, wait);
      return {
        failed: () => failedFrom(clientKey(caller.ip), attempt),
        async passed() {
          // The count of strangers stays: an owner who often signs in on new devices gives them no more attempts.
          const settle = isStranger ? throttles.undo : throttles.forget;
          await Promise.all([settle(pace, key), passedFrom(clientKey(caller.ip), attempt), watch.passed()]);
        },
        undone: () => throttles.undo(pace, key),
        waits: () => deps.passwordTries.succeeded(caller.ip, triesKey),
      };
    },

    async admitSession({ userId, sessionId }) {
      const key = await ownKey(userId, sessionId);
      const { wait } = await throttles.take(SESSION, key);
      if (wait > 0) throw rateLimited(wait);
      return {
        failed: async () => {},
        passed: () => throttles.forget(SESSION, key),
        undone: () => throttles.undo(SESSION, key),
      };
    },

    async admitStep(caller, userId) {
      const key = await ownKey(userId, 'step');
      await deps.passwordTries.count(caller.ip, key);
      const { wait, tries } = await throttles.take(STEP, key);
      if (wait > 0) throw rateLimited(wait);
      return {
        tries,
        failed: async () => {},
        passed: () => throttles.forget(STEP, key),
        undone: () => throttles.undo(STEP, key),
      };
    },

    async forgive(userId, loginKeys) {
      await Promise.all([
        throttles.count(FORGIVEN, userId),
        deps.passwordTries.forgive(userId),
        ...loginKeys.flatMap((key) => [throttles.forget(ACCOUNT, key), deps.passwordTries.forgive(typed(key))]),
      ]);
    },
  };
}

const nothing = async () => {};
const FREE: AdmittedSignIn = { failed: nothing, passed: nothing, undone: nothing, waits: nothing };

/** For RATE_LIMITS=off. */
export const NO_GUESSING: Guessing = {
  admit: async () => FREE,
  admitSession: async () => FREE,
  admitStep: async () => ({ ...FREE, tries: 0 }),
  forgive: async () => {},
};
