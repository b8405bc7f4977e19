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

/** What is known of a sign-in before the password is looked at. */
export interface SignInAttempt {
  /** What was typed, in the form that all spellings share; nothing tells whether there is such an account. */
  loginKey: string;
  /** Of the password; `passwordFingerprint`. */
  fingerprint: string;
  /** Whose account it is, if anybody's. */
  user: DeviceOwner | null;
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
  admitSession(actor: Pick<SessionActor, 'userId' | 'sessionId'>): Promise<Attempt>;
  /** The same for somebody who does a step of a sign-in, whatever flow and whatever code it is. Throws `rate_limited`. */
  admitStep(caller: Caller, userId: string): Promise<Attempt>;
  /** Forgets what was tried at an account: by strangers under its logins, on its devices, in its sessions and at its steps. */
  forgive(userId: string, loginKeys: readonly string[]): Promise<void>;
}

/** An hour has room for ten tries, then three: an account has two logins, so 20 guesses an hour at most, wherever they come from. */
const ACCOUNT: Pace = { kind: 'account', free: 5, delays: [2, 4, 8, 16, 20].map((minutes) => minutes * MINUTE) };
/** The same again for each device that has signed in before, and each session. */
const DEVICE: Pace = { ...ACCOUNT, kind: 'device' };
const SESSION: Pace = { ...ACCOUNT, kind: 'session' };
/** Whoever does a step has shown the first factor, so nobody else can use these tries up. */
const STEP: Pace = { ...ACCOUNT, kind: 'step' };
/**
 * How often an account was forgiven. A new number leaves behind whatever its devices and sessions tried, none of which is listed. It must
 * outlive that: beginning anew, it would bring back what was forgiven, and leave behind what was not.
 */
const FORGIVEN: Pace = { kind: 'forgiven', free: Number.MAX_SAFE_INTEGER, delays: [], kept: 3 * DAY };
/** Accounts at which a client failed; many people may share an address. */
const CLIENT: Pace = { kind: 'client', free: 10, delays: [0.5, 1, 2, 4, 8, 15].map((minutes) => minutes * MINUTE) };
/** What somebody typed, however much it looks like the id of a user, by which is counted, too. */
const typed = (loginKey: string) => `login ${loginKey}`;
const NOBODY: DeviceOwner = { id: '', passwordVersion: 0 };
/** While many accounts are being guessed at. */
const SUSPECT_CLIENT_FREE = 3;
/** Where there are proofs of work, each try at an account beyond these needs one. */
const UNPROVED = 3;
/** For whoever sits before a client that cannot solve it. */
const WAYS_IN =
  'If your program does not solve the puzzle by itself, sign in on a device or in a browser that has signed in before, or set a new password by mail.';
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
  /** The tries of a client for an account, right ones too; a known device is counted apart, also from where strangers are. */
  passwordTries: ForgivableLimit;
  /** Told where an account is held back, and not only a client that asks for it. */
  notifyOfBlock: (caller: Caller, loginKey: string) => void;
  counters: Counters;
}): Guessing {
  const { throttles, watch, devices, proofs } = deps;
  const failedHere = deps.counters({ name: 'guess-client-account', points: 1, duration: HOUR / SECOND });

  const ownKey = async (userId: string, name: string) =>
    `${userId} ${name} ${(await throttles.extend(FORGIVEN, userId)).tries}`;

  /** Throws where a stranger must wait, or work. */
  async function demandOfStranger(caller: Caller, { loginKey, fingerprint, proof }: SignInAttempt): Promise<void> {
    const client = clientKey(caller.ip);
    const [account, here, suspicion] = await Promise.all([
      throttles.peek(ACCOUNT, loginKey),
      throttles.peek(CLIENT, client),
      watch.suspicion(fingerprint),
    ]);
    // No work buys more tries at one account.
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

  return {
    async admit(caller, attempt) {
      const { user, loginKey } = attempt;
      // Also for nobody: the time that it takes to look at tokens must not tell whether there is such an account.
      const device = devices.read(attempt.deviceTokens, user ?? NOBODY);
      const isStranger = user === null || device === null;
      const [pace, key] = isStranger ? [ACCOUNT, loginKey] : [DEVICE, await ownKey(user.id, device)];
      if (isStranger) await demandOfStranger(caller, attempt);
      await deps.passwordTries.count(caller.ip, isStranger ? typed(loginKey) : key);
      const { wait } = await throttles.take(pace, key);
      if (wait > 0) throw heldBack(caller, loginKey, wait);
      return {
        failed: () => failedFrom(clientKey(caller.ip), attempt),
        async passed() {
          // What strangers tried stays: an owner who signs in somewhere new again and again gives them no more tries.
          const settle = isStranger ? throttles.undo : throttles.forget;
          await Promise.all([settle(pace, key), watch.passed()]);
        },
        undone: () => throttles.undo(pace, key),
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
      const { wait } = await throttles.take(STEP, key);
      if (wait > 0) throw rateLimited(wait);
      return {
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

const FREE: Attempt = { failed: async () => {}, passed: async () => {}, undone: async () => {} };

/** Where the configuration switches every limit off. */
export const NO_GUESSING: Guessing = {
  admit: async () => FREE,
  admitSession: async () => FREE,
  admitStep: async () => FREE,
  forgive: async () => {},
};
