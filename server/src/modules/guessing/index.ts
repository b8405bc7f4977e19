import type { Logger } from 'pino';
import type { Clock } from '../../platform/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { KeyedHash } from '../../platform/crypto/keyed-hash.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Caller } from '../../platform/http/caller.ts';
import { createForgivableLimit, type ForgivableLimit } from '../../platform/http/limits.ts';
import type { Counters } from '../../platform/limits/counters.ts';
import type { EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';
import type { Periodic } from '../schedules/periodic.ts';
import type { RefreshCookie } from '../sessions/cookie.ts';
import { type AddressBounds, createAddressBounds as createBounds } from './address-bounds.ts';
import { createAttackWatch } from './attack-watch.ts';
import { createDeviceCookie, type DeviceCookie } from './device-cookie.ts';
import { createDeviceTokens, type DeviceTokens } from './device-tokens.ts';
import { createGuessing as createAdmission, type Guessing, NO_GUESSING } from './guessing.ts';
import { registerThrottlePurge } from './jobs.ts';
import { createProofOfWork } from './proof-of-work.ts';
import type { ThrottleStore } from './throttle-store.ts';
import { createThrottles } from './throttles.ts';

export { proveInBrowser } from './prove-in-browser.ts';

/** The contract's limit on proofs of a password: for one account, by one client. */
const PASSWORD_TRIES = { name: 'credentials', points: 5, duration: 60 };

export interface GuessingProtection {
  guessing: Guessing;
  /** Tokens by which a device is known, and the cookie that holds them. */
  deviceTokens: DeviceTokens;
  devices: DeviceCookie;
  /** For routes that take a password. */
  passwordTries: ForgivableLimit;
}

/** What reaches one e-mail address, and what is guessed about it; also with RATE_LIMITS=off, because it protects third parties. */
export function createAddressBounds(deps: { store: ThrottleStore; keyedHash: KeyedHash; clock: Clock }): AddressBounds {
  return createBounds({ throttles: createThrottles(deps) });
}

/**
 * Brute-force protection:
 * `createGuessing({ ...ground, store: storage.throttles, eventStore: storage.events, counters, config, cookie, notifyOfBlock, periodic })`.
 */
export function createGuessing(deps: {
  store: ThrottleStore;
  eventStore: EventStore;
  events: Events;
  keyring: Keyring;
  keyedHash: KeyedHash;
  /** Null: nothing is limited. */
  counters: Counters | null;
  config: Config;
  /** Answers sign-ins, to which the device tokens are added. */
  cookie: RefreshCookie;
  /** Told where an account is held back, and not only a client that asks for it. */
  notifyOfBlock: (caller: Caller, loginKey: string) => void;
  periodic: Periodic;
  clock: Clock;
  log: Logger;
}): GuessingProtection {
  const { counters, notifyOfBlock, cookie, config, keyring, clock } = deps;
  registerThrottlePurge(deps);
  const deviceTokens = createDeviceTokens({ keyring, clock });
  const devices = createDeviceCookie({ devices: deviceTokens, cookie, config });
  const passwordTries = createForgivableLimit(PASSWORD_TRIES, counters);
  if (!counters) return { guessing: NO_GUESSING, deviceTokens, devices, passwordTries };
  const guessing = createAdmission({
    counters,
    passwordTries,
    notifyOfBlock,
    devices: deviceTokens,
    throttles: createThrottles(deps),
    watch: createAttackWatch({ ...deps, counters }),
    proofs: config.proofOfWork ? createProofOfWork({ keyring, counters, clock }) : null,
  });
  return { guessing, deviceTokens, devices, passwordTries };
}
