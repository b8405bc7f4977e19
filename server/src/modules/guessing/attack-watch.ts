import { type Clock, HOUR, SECOND } from '../../platform/clock.ts';
import type { Counters } from '../../platform/limits/counters.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import type { EventStore } from '../events/event-store.ts';
import type { Events } from '../events/events.ts';

/** A sign-in, as this module sees it. */
export interface SignInTry {
  loginKey: string;
  /** Of the password; `passwordFingerprint`. */
  fingerprint: string;
}

export interface AttackWatch {
  /** `sprayed`: this password is tried at many accounts. `attack`: many accounts are tried, far more than sign-ins succeed. */
  suspicion(fingerprint: string): Promise<'sprayed' | 'attack' | null>;
  failed(tried: SignInTry): Promise<void>;
  passed(): Promise<void>;
}

/** Period of counting, in seconds. */
const WINDOW = 600;
/** Accounts at which one wrong password fails: no user has so many, and typing errors of many users differ. */
const SPRAYED_AT = 10;
/** With fewer failing accounts it is ordinary traffic, whatever the share of successes. */
const LEAST_FAILING = 100;
/** Failing accounts per successful one. */
const FAILING_SHARE = 3;
const LOOK_AGAIN = SECOND;

/** Detects guessing that is spread over many accounts and clients, with few attempts at each. */
export function createAttackWatch(deps: {
  counters: Counters;
  events: Events;
  eventStore: EventStore;
  clock: Clock;
  log: Logger;
}): AttackWatch {
  const { counters, events, eventStore, clock, log } = deps;
  const seenOfPassword = counters({ name: 'guess-password-account', points: 1, duration: WINDOW });
  const accountsOfPassword = counters({ name: 'guess-password', points: SPRAYED_AT, duration: WINDOW });
  const seenFailing = counters({ name: 'guess-account', points: 1, duration: WINDOW });
  // Without a limit: a counter that is over stops counting, and would look small beside many successes.
  const endless = { points: Number.MAX_SAFE_INTEGER, duration: WINDOW };
  const failing = counters({ name: 'guess-failing', ...endless });
  const passing = counters({ name: 'guess-passing', ...endless });
  /** Time of the last event, of any instance. */
  let toldHour = Number.NaN;
  let known = { at: Number.NEGATIVE_INFINITY, attack: false };

  async function isAttack(): Promise<boolean> {
    if (performance.now() - known.at < LOOK_AGAIN) return known.attack;
    const [failed, passed] = await Promise.all([failing.used('all'), passing.used('all')]);
    const attack = failed >= LEAST_FAILING && failed >= passed * FAILING_SHARE;
    known = { at: performance.now(), attack };
    if (attack) await tell({ failing: failed, passing: passed });
    return attack;
  }

  /** One event an hour across all instances. */
  async function tell(data: Record<string, number>): Promise<void> {
    const hour = Math.floor(clock().getTime() / HOUR);
    if (hour === toldHour) return;
    const event = events.describe(null, { type: 'security.guessing_noticed', target: 'security:guessing', data });
    try {
      if (await eventStore.record(event, hour)) log.warn(data, 'many accounts are being guessed at');
      toldHour = hour;
    } catch (error) {
      log.warn({ err: error, ...data }, 'many accounts are being guessed at, and the history could not be told');
    }
  }

  return {
    async suspicion(fingerprint) {
      const [sprayed, attack] = await Promise.all([accountsOfPassword.used(fingerprint), isAttack()]);
      if (sprayed >= SPRAYED_AT) return 'sprayed';
      return attack ? 'attack' : null;
    },

    async failed({ loginKey, fingerprint }) {
      const [ofPassword, ofAccount] = await Promise.all([
        seenOfPassword.add(`${fingerprint} ${loginKey}`),
        seenFailing.add(loginKey),
      ]);
      if (!ofPassword.isOver) await accountsOfPassword.add(fingerprint);
      if (!ofAccount.isOver) await failing.add('all');
    },

    async passed() {
      await passing.add('all');
    },
  };
}
